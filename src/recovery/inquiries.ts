import { systemRuntime } from '../runtime/runtime.js'

/** Between two inquiries about the same set: IMDS publishes a new one hourly or so, and services refuse in waves. */
const PAUSE_MS = 10_000

interface Inquiry {
  /** The access key that was asked about. */
  readonly accessKeyId: string
  readonly answered: Promise<void>
  /** By `elapsed`; `undefined` while it is under way. */
  answeredAt?: number
}

/** The last one at each place. One is enough: whoever asks holds one set at a time. */
const inquiries = new WeakMap<object, Inquiry>()

/**
 * Makes one inquiry for something newer than a set at `place`, however many find out that the set is refused. Resolves when it is over,
 * whatever came of it: this one, or one that is under way or was answered less than 10 s ago.
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
