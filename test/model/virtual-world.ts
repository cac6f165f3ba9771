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

/** The code under test: the library, or a copy with a planted bug. */
export interface Subject {
  readonly createProvider: typeof CreateProvider
  readonly createRegistry: () => SourceRegistry
  /** Wraps the runtime of the library. */
  readonly through?: (runtime: Runtime) => Runtime
  /** Wraps the dispatcher of the library. */
  readonly throughDispatcher?: (dispatcher: ImdsDispatcher) => ImdsDispatcher
}

/** The settings of a world. */
export interface WorldOptions extends InstanceOptions {
  readonly seed: number
}

/** A request, and the status of its response when that has arrived completely. */
export interface WireRequest {
  readonly method: string
  readonly path: string
  readonly url: string
  readonly token: string | undefined
  status?: number
  /** The wait that the response asked for. */
  retryAfterMs?: number
}

/** What only the world can see: open handles and running requests. */
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
  /** The offset of the `Date` header of responses. */
  dateErrorMs: number
  /** Milliseconds since the start of the world, whatever the clocks say. */
  elapsedMs(): number
  /** The monotonic clock. */
  durationsMs(): number
  /** Restarts the monotonic clock, as fake timers do. */
  restartDurations(): void
  stepWallClock(byMs: number): void
  createProvider(): InstanceRoleProvider
}

export const ENDPOINT = 'http://169.254.169.254'
export const STARTS_AT: number = Date.UTC(2026, 0, 1)
const TOKEN_HEADER = 'x-aws-ec2-metadata-token'

/** An emulated instance and providers that share it, in a virtual world where everything is observed. */
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
      // The instance has decided: `401`, or `401 drip` if the rest of the response takes time.
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

/** Counts a handle until the returned function is called. */
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
