import { systemRuntime } from '../runtime/runtime.js'

/**
 * Pause between two refreshes for the same refused credentials: IMDS publishes new ones about hourly, and many requests are refused
 * at the same time.
 */
const PAUSE_MS = 10_000

interface Inquiry {
  /** The refused access key. */
  readonly accessKeyId: string
  readonly answered: Promise<void>
  /** On the monotonic clock. `undefined` while the refresh is running. */
  answeredAt?: number
}

/** The last refresh at each place. One is enough: a place has one set of credentials at a time. */
const inquiries = new WeakMap<object, Inquiry>()

/**
 * Refreshes the credentials at `place` once, however many requests find out that they are refused. Resolves when the refresh is
 * over, whether it succeeded or not. A running refresh is joined, and one that ended less than 10 s ago is not repeated.
 */
export function inquireOnce(
  place: object,
  accessKeyId: string,
  inquire: () => Promise<unknown>,
): Promise<void> {
  const known = inquiries.get(place)
  if (known?.accessKeyId === accessKeyId && !isOld(known)) return known.answered
  const end = (): void => void (inquiry.answeredAt = systemRuntime.elapsed())
  const inquiry: Inquiry = { accessKeyId, answered: inquire().then(end, end) }
  inquiries.set(place, inquiry)
  return inquiry.answered
}

function isOld({ answeredAt }: Inquiry): boolean {
  return answeredAt !== undefined && systemRuntime.elapsed() - answeredAt >= PAUSE_MS
}
