import type { Dispatcher } from 'undici'
import { PROCESS_WIDE } from './process-wide.js'

/** What `fetch` is asked for: the part of `RequestInit` in use here, and undici's `dispatcher`. */
export interface FetchInit {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly redirect: 'manual'
  readonly dispatcher: Dispatcher
}

/** The world outside, as values: tests put their own time, dice and network in its place. */
export interface Runtime {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Milliseconds since some instant; never goes back, and is not stepped. For durations, as `now` is for expirations. */
  readonly elapsed: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Resolves after `delayMs`. */
  readonly sleep: (delayMs: number) => Promise<void>
  /** Calls back once after `delayMs`, saying how late it is; what comes back cancels. */
  readonly after: (delayMs: number, callback: (lateMs: number) => void) => () => void
  /** Calls back once what has arrived on sockets has been read. */
  readonly afterPoll: (callback: () => void) => void
  /** Keeps the process alive until what comes back is called: somebody waits for an answer. */
  readonly keepAlive: () => () => void
  readonly fetch: (url: string, init: FetchInit) => Promise<Response>
}

/** A clock that a test owns; `instance-role/testing` has one. */
export type OwnedClock = Pick<Runtime, 'now' | 'elapsed' | 'sleep' | 'after'>

const shared: typeof globalThis & { [PROCESS_WIDE]?: { clock?: OwnedClock } } = globalThis

function ownedClock(): OwnedClock | undefined {
  return shared[PROCESS_WIDE]?.clock
}

/** Any delay will do: the timer only stands for a caller who waits. */
const AS_LONG_AS_IT_TAKES_MS = 2 ** 30

/**
 * The real world. Globals are looked up at each call, because msw, fake timers and tracing replace them after import;
 * a clock that a test owns (`instance-role/testing`) goes before the system's.
 */
export const systemRuntime: Runtime = {
  now: () => (ownedClock() ?? Date).now(),
  elapsed: () => ownedClock()?.elapsed() ?? performance.now(),
  random: () => Math.random(),
  sleep: (delayMs) =>
    ownedClock()?.sleep(delayMs) ?? new Promise((resolve) => void setTimeout(resolve, delayMs).unref()),
  after: (delayMs, callback) => ownedClock()?.after(delayMs, callback) ?? systemAfter(delayMs, callback),
  afterPoll: (callback) => void setImmediate(callback),
  keepAlive: () => {
    // Both of the same moment: fake timers may be installed before the wait ends.
    const { setTimeout, clearTimeout } = globalThis
    const timer = setTimeout(() => {}, AS_LONG_AS_IT_TAKES_MS)
    return () => clearTimeout(timer)
  },
  fetch: (url, init) => globalThis.fetch(url, init),
}

function systemAfter(delayMs: number, callback: (lateMs: number) => void): () => void {
  const { setTimeout, clearTimeout } = globalThis
  const startedAt = performance.now()
  const timer = setTimeout(() => callback(performance.now() - startedAt - delayMs), delayMs).unref()
  return () => clearTimeout(timer)
}
