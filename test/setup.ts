import { inspect } from 'node:util'
import { seededRandom } from '../bench/simulation/seeded-random.js'
import { systemConfigSources } from '../src/config/config-sources.js'
import { createProvider, type InstanceRoleProvider } from '../src/provider/from-instance-role.js'
import type { ImdsDispatcher, ImdsDispatcherRequest, InstanceRoleOptions } from '../src/config/options.js'
import { type Runtime, systemRuntime } from '../src/runtime/runtime.js'
import { createRegistry } from '../src/credentials/shared-sources.js'
import {
  createTestClock,
  emulateInstance,
  type InstanceOptions,
  type TestClock,
} from '../src/testing/index.js'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE

/** A runtime in which nothing is real: the clock is the test's. */
export function virtualRuntime(clock: TestClock, random: () => number = seededRandom()): Runtime {
  return {
    ...systemRuntime,
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    sleep: (delayMs) => clock.sleep(delayMs),
    after: (delayMs, callback) => clock.after(delayMs, callback),
    random,
  }
}

/** A dispatcher that lets a test see each request before it is sent. */
export function watchedDispatcher(
  dispatcher: ImdsDispatcher,
  onSend: (request: ImdsDispatcherRequest) => void,
): ImdsDispatcher {
  return {
    request: (options) => {
      onSend(options)
      return dispatcher.request(options)
    },
  }
}

/** An emulated instance, and a provider of its own, both on one clock that only the test moves. */
export function setup(
  options: InstanceOptions & {
    provider?: InstanceRoleOptions
    random?: () => number
    onSend?: (request: ImdsDispatcherRequest) => void
  } = {},
) {
  const { provider: providerOptions, random, onSend = () => {}, ...instanceOptions } = options
  const clock = createTestClock({ startAt: Date.UTC(2026, 0, 1) })
  const instance = emulateInstance({ clock, ...instanceOptions })
  const runtime = virtualRuntime(clock, random)
  const dispatcher = watchedDispatcher(instance.dispatcher, onSend)
  const registry = createRegistry()
  const create = (given: InstanceRoleOptions = {}): InstanceRoleProvider =>
    createProvider({ dispatcher, ...given }, { runtime, registry, configSources: systemConfigSources })
  return { clock, instance, registry, create, provider: create(providerOptions) }
}

/** How long, on the test's clock, a promise took, and what became of it. */
export async function timed<T>(
  clock: TestClock,
  work: Promise<T>,
): Promise<{ tookMs: number; value?: T; error?: unknown }> {
  const startedAt = clock.now()
  try {
    return { value: await work, tookMs: clock.now() - startedAt }
  } catch (error) {
    return { error, tookMs: clock.now() - startedAt }
  }
}

/** Everything a person or a log could be shown of a value. */
export function exposed(value: unknown): string {
  const stack = value instanceof Error ? [value.stack, value.cause] : []
  const inside = inspect(value, { depth: 10, showHidden: true, customInspect: false })
  return [
    inspect(value, { depth: 10, showHidden: true }),
    inside,
    JSON.stringify(value),
    ...stack.map(String),
  ].join('\n')
}

export const TOKEN = 'PUT /latest/api/token'
export const LISTING = 'GET /latest/meta-data/iam/security-credentials/'
export const CREDENTIALS = `${LISTING}app-role`
export const FIRST_LOAD = [`${TOKEN} 200`, `${LISTING} 200`, `${CREDENTIALS} 200`]
