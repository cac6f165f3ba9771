import type { MessagePort } from 'node:worker_threads'
import { timers } from './builtins.js'
import { PROCESS_WIDE } from './process-wide.js'

/** The outside world as values: tests replace time and randomness. */
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
}

/** A clock that a test owns; `instance-role/testing` has one. */
export type OwnedClock = Pick<Runtime, 'now' | 'elapsed' | 'sleep' | 'after'>

const shared: typeof globalThis & { [PROCESS_WIDE]?: { clock?: OwnedClock } } = globalThis

function ownedClock(): OwnedClock | undefined {
  return shared[PROCESS_WIDE]?.clock
}

/**
 * The real world. Globals are looked up at each call, because fake timers and tracing replace them after import; a clock that
 * a test owns (`instance-role/testing`) goes before the system's.
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

/** Kept from import, and not a global: jsdom has none, and fake timers would never call back. */
const realImmediate = timers.setImmediate

/** Not `performance`, which Node loads when it is first used, in 2 ms. */
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

/** Lets the process end in spite of a timer or a socket. A timer of jsdom, of Electron's renderer or of a test can be a number. */
export function unref(handle: object | number): void {
  if (isUnreferable(handle)) handle.unref()
}

function isUnreferable(handle: object | number): handle is { unref(): unknown } {
  return typeof handle === 'object' && 'unref' in handle && typeof handle.unref === 'function'
}

let keeper: MessagePort | undefined
let waits = 0

/** By a port that carries no message: tests may own timers, and sockets come and go. */
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
