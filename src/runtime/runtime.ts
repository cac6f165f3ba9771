import type { MessagePort } from 'node:worker_threads'
import { timers } from './builtins.js'
import { PROCESS_WIDE } from './process-wide.js'

/** Time, randomness and process life as parameters, so that tests can replace them. */
export interface Runtime {
  /** Epoch milliseconds. */
  readonly now: () => number
  /**
   * Milliseconds since an arbitrary instant. The value never decreases, and setting the system clock does not change it. Used for
   * durations; `now` is used for expirations.
   */
  readonly elapsed: () => number
  /** A random number in [0, 1). */
  readonly random: () => number
  /** Resolves after `delayMs`. */
  readonly sleep: (delayMs: number) => Promise<void>
  /** Calls back once after `delayMs`, with the number of ms by which it is late. Returns a function that cancels the call. */
  readonly after: (delayMs: number, callback: (lateMs: number) => void) => () => void
  /** Calls back after Node has read the data that is waiting on sockets. */
  readonly afterPoll: (callback: () => void) => void
  /** Keeps the process alive until the returned function is called. */
  readonly keepAlive: () => () => void
}

/** A clock that a test controls; `instance-role/testing` has one. */
export type OwnedClock = Pick<Runtime, 'now' | 'elapsed' | 'sleep' | 'after'>

const shared: typeof globalThis & { [PROCESS_WIDE]?: { clock?: OwnedClock } } = globalThis

function ownedClock(): OwnedClock | undefined {
  return shared[PROCESS_WIDE]?.clock
}

/**
 * The real clock, randomness and timers. Globals are looked up at each call, because fake timers and tracing replace them after
 * import. A clock that a test installs (`instance-role/testing`) takes precedence.
 */
export const systemRuntime: Runtime = {
  now: () => (ownedClock() ?? Date).now(),
  elapsed: () => ownedClock()?.elapsed() ?? monotonicMs(),
  random: () => Math.random(),
  sleep: (delayMs) =>
    ownedClock()?.sleep(delayMs) ?? new Promise((resolve) => void systemAfter(delayMs, () => resolve())),
  after: (delayMs, callback) => ownedClock()?.after(delayMs, callback) ?? systemAfter(delayMs, callback),
  afterPoll: (callback) => void realImmediate(callback),
  keepAlive,
}

/** Saved at import and not read from `globalThis`: jsdom has no `setImmediate`, and fake timers would never call back. */
const realImmediate = timers.setImmediate

/** `performance` would take Node 2 ms to load. */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

function systemAfter(delayMs: number, callback: (lateMs: number) => void): () => void {
  const { setTimeout, clearTimeout } = globalThis
  const startedAt = monotonicMs()
  const timer = setTimeout(() => callback(monotonicMs() - startedAt - delayMs), delayMs)
  unref(timer)
  return () => clearTimeout(timer)
}

/** Lets the process end although a timer or socket is open. In jsdom, Electron's renderer and some tests, a timer is a number. */
export function unref(handle: object | number): void {
  if (isUnreferable(handle)) handle.unref()
}

function isUnreferable(handle: object | number): handle is { unref(): unknown } {
  return typeof handle === 'object' && 'unref' in handle && typeof handle.unref === 'function'
}

let keeper: MessagePort | undefined
let waits = 0

/** Uses a message port, because a test may replace timers, and sockets may be closed. */
function keepAlive(): () => void {
  keeper ??= new (process.getBuiltinModule('node:worker_threads').MessageChannel)().port1
  if (waits === 0) keeper.ref()
  waits += 1
  let isHeld = true
  return () => {
    if (!isHeld) return
    isHeld = false
    waits -= 1
    if (waits === 0) keeper?.unref()
  }
}
