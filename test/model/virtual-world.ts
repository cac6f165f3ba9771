import type {
  createProvider as CreateProvider,
  InstanceRoleProvider,
} from '../../src/provider/from-instance-role.js'
import type { ImdsDispatcher, ImdsDispatcherRequest } from '../../src/config/options.js'
import type { Runtime } from '../../src/runtime/runtime.js'
import type { SourceRegistry } from '../../src/credentials/shared-sources.js'
import {
  createTestClock,
  emulateInstance,
  type EmulatedInstance,
  type InstanceOptions,
  type TestClock,
} from '../../src/testing/index.js'
import { seededRandom } from '../../bench/simulation/seeded-random.js'
import { virtualRuntime } from '../setup.js'

/** What is put to the test: the library, or a copy of it with a bug planted. */
export interface Subject {
  readonly createProvider: typeof CreateProvider
  readonly createRegistry: () => SourceRegistry
  /** Stands between the library and the world. */
  readonly through?: (runtime: Runtime) => Runtime
  /** Stands between the library and the instance. */
  readonly throughDispatcher?: (dispatcher: ImdsDispatcher) => ImdsDispatcher
}

/** How one world differs from another. */
export interface WorldOptions extends InstanceOptions {
  readonly seed: number
}

/** One request on the wire, and the status it was answered with, once it was answered in full and to be read. */
export interface WireRequest {
  readonly method: string
  readonly path: string
  readonly url: string
  readonly token: string | undefined
  status?: number
  /** What the answer asked for. */
  retryAfterMs?: number
}

/** What nobody but the world itself can tell: handles that are held, and requests on the wire. */
export interface Handles {
  timers: number
  sleeps: number
  waits: number
}

export interface VirtualWorld {
  readonly clock: TestClock
  readonly instance: EmulatedInstance
  readonly wire: readonly WireRequest[]
  readonly handles: Readonly<Handles>
  readonly lines: string[]
  /** Called when a line is logged. */
  onLine: () => void
  /** How far the `Date` header of answers is off. */
  dateErrorMs: number
  /** Milliseconds since the world began, whatever the clocks say. */
  elapsedMs(): number
  /** What the clock for durations says. */
  durationsMs(): number
  /** Has the clock for durations begin anew, as fake timers do. */
  restartDurations(): void
  stepWallClock(byMs: number): void
  createProvider(): InstanceRoleProvider
}

export const ENDPOINT = 'http://169.254.169.254'
export const STARTS_AT: number = Date.UTC(2026, 0, 1)
const TOKEN_HEADER = 'x-aws-ec2-metadata-token'

/** An emulated instance and providers that share it, in a world where nothing is real and all is seen. */
export function createWorld(subject: Subject, { seed, ...options }: WorldOptions): VirtualWorld {
  const clock = createTestClock({ startAt: STARTS_AT })
  const instance = emulateInstance({ clock, httpTokens: 'optional', ...options })
  const wire: WireRequest[] = []
  const handles: Handles = { timers: 0, sleeps: 0, waits: 0 }
  const lines: string[] = []
  let [steppedMs, durationsFromMs] = [0, 0]
  const durationsMs = (): number => clock.elapsed() - durationsFromMs
  const virtual = { ...virtualRuntime(clock, seededRandom(seed)), elapsed: durationsMs }
  const seen = watched(virtual, handles)
  const runtime = subject.through?.(seen) ?? seen
  const wired = recorded(instance, wire, () => world.dateErrorMs)
  const dispatcher = subject.throughDispatcher?.(wired) ?? wired
  const registry = subject.createRegistry()
  const keep = (line: string): void => {
    lines.push(line)
    world.onLine()
  }
  const world: VirtualWorld = {
    clock,
    instance,
    wire,
    handles,
    lines,
    onLine: () => {},
    dateErrorMs: 0,
    elapsedMs: () => clock.now() - STARTS_AT - steppedMs,
    durationsMs,
    restartDurations: () => {
      durationsFromMs = clock.elapsed()
    },
    stepWallClock: (byMs) => {
      steppedMs += byMs
      clock.stepWallClock(byMs)
    },
    createProvider: () =>
      subject.createProvider(
        { logger: { debug: keep, info: keep, warn: keep, error: keep }, dispatcher },
        { runtime, registry, configSources: () => NO_CONFIG },
      ),
  }
  return world
}

const NO_CONFIG = { env: {}, loadProfile: () => Promise.resolve({ name: 'default', keys: {} }) }

function watched(runtime: Runtime, handles: Handles): Runtime {
  return {
    ...runtime,
    after: (delayMs, callback) => {
      const release = hold(handles, 'timers')
      const cancel = runtime.after(delayMs, (lateMs) => {
        release()
        callback(lateMs)
      })
      return () => {
        release()
        cancel()
      }
    },
    sleep: (delayMs) => runtime.sleep(delayMs).finally(hold(handles, 'sleeps')),
    keepAlive: () => hold(handles, 'waits'),
  }
}

/** The instance's dispatcher, with each request noted in `wire`. */
function recorded(
  instance: EmulatedInstance,
  wire: WireRequest[],
  dateErrorMs: () => number,
): ImdsDispatcher {
  return {
    request: async (options) => {
      const request = toWireRequest(options)
      wire.push(request)
      const answer = instance.dispatcher.request(options)
      // The instance has decided: `401`, or `401 drip` where the rest of the answer is a matter of time.
      const isWhole = /\d{3}$/.test(instance.requests.at(-1) ?? '')
      const response = await answer
      const isReadable = Number(response.headers['content-length'] ?? 0) <= 64 * 1_024
      if (isWhole && isReadable) request.status = response.statusCode
      request.retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1_000
      return { ...response, headers: withDateError(response.headers, dateErrorMs()) }
    },
  }
}

function withDateError(
  headers: Readonly<Record<string, string>>,
  errorMs: number,
): Readonly<Record<string, string>> {
  const { date } = headers
  return date === undefined
    ? headers
    : { ...headers, date: new Date(Date.parse(date) + errorMs).toUTCString() }
}

/** Counts a handle until what comes back is called. */
function hold(handles: Handles, kind: keyof Handles): () => void {
  handles[kind] += 1
  let isHeld = true
  return () => {
    if (isHeld) handles[kind] -= 1
    isHeld = false
  }
}

function toWireRequest({ method, origin, path, headers }: ImdsDispatcherRequest): WireRequest {
  return { method, url: origin + path, path, token: headers[TOKEN_HEADER] }
}
