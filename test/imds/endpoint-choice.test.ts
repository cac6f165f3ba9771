import { Agent } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { createProvider, fromInstanceRole } from '../../src/provider/from-instance-role.js'
import { systemConfigSources } from '../../src/config/config-sources.js'
import { IPV6_ENDPOINT } from '../../src/config/config.js'
import type { ImdsDispatcher } from '../../src/config/options.js'
import { createRegistry } from '../../src/credentials/shared-sources.js'
import { createTestClock, emulateInstance } from '../../src/testing/index.js'
import { serveRaw } from '../raw-server.js'
import { CREDENTIALS, FIRST_LOAD, timed, TOKEN, virtualRuntime } from '../setup.js'

/** An instance whose two addresses can fail separately. */
function setup() {
  const clock = createTestClock({ startAt: Date.UTC(2026, 0, 1) })
  const ipv4 = emulateInstance({ clock })
  const ipv6 = emulateInstance({ clock })
  const dispatcher: ImdsDispatcher = {
    request: (options) => (options.origin === IPV6_ENDPOINT ? ipv6 : ipv4).dispatcher.request(options),
  }
  const world = {
    registry: createRegistry(),
    configSources: systemConfigSources,
    runtime: virtualRuntime(clock),
  }
  return { clock, ipv4, ipv6, provider: createProvider({ endpointMode: 'auto', dispatcher }, world) }
}

test('uses only IPv4 if it answers within the head start', async () => {
  const { ipv4, ipv6, provider } = setup()
  await provider()
  expect(ipv4.requests).toEqual(FIRST_LOAD)
  expect(ipv6.requests).toEqual([])
})

test.each(['refuse', 'silence', { delayMs: 800 }] as const)('uses IPv6 if IPv4 meets %j', async (fault) => {
  const { clock, ipv4, ipv6, provider } = setup()
  ipv4.failUntilLifted('all', fault)
  const { value, tookMs } = await timed(clock, provider())
  expect(value?.accessKeyId).toBe(ipv6.credentials?.accessKeyId)
  expect(tookMs).toBeLessThanOrEqual(250)
  expect(ipv6.requests).toEqual(FIRST_LOAD)
})

test('keeps the address that answered, and tries both again when it stops answering', async () => {
  const { ipv4, ipv6, provider } = setup()
  const lift = ipv4.failUntilLifted('all', 'refuse')
  await provider()
  lift()
  ipv4.clearRequests()
  ipv6.clearRequests()
  await provider({ forceRefresh: true })
  expect([ipv4.requests, ipv6.requests]).toEqual([[], [`${CREDENTIALS} 200`]])
  ipv6.failUntilLifted('all', 'refuse')
  expect((await provider({ forceRefresh: true })).accessKeyId).toBe(ipv4.credentials?.accessKeyId)
  expect(ipv4.requests).toEqual([`${TOKEN} 200`, `${CREDENTIALS} 200`])
})

test.each(['refuse', 'silence'] as const)(
  'changes to IPv6 when IPv4 meets %j, although its metadata token is still valid',
  async (fault) => {
    const { ipv4, ipv6, provider } = setup()
    await provider()
    ipv4.failUntilLifted('all', fault)
    expect((await provider({ forceRefresh: true })).accessKeyId).toBe(ipv6.credentials?.accessKeyId)
    expect(ipv6.requests).toEqual([`${TOKEN} 200`, `${CREDENTIALS} 200`])
    expect(provider.status()).not.toHaveProperty('lastErrorCode')
  },
)

test('returns to IPv4 with its cached metadata token if IPv6 does not answer either', async () => {
  const { ipv4, ipv6, provider } = setup()
  ipv6.failUntilLifted('all', 'refuse')
  await provider()
  ipv4.clearRequests()
  ipv4.fail('credentials', 'refuse')
  await provider({ forceRefresh: true })
  expect(ipv4.requests).toEqual([`${CREDENTIALS} refuse`, `${CREDENTIALS} 200`])
})

test('reports the error of IPv4 if neither answers', async () => {
  const { ipv4, ipv6, provider } = setup()
  ipv4.failUntilLifted('all', 'refuse')
  ipv6.failUntilLifted('all', { status: 500 })
  await expect(provider()).rejects.toMatchObject({ code: 'UNREACHABLE', step: 'token' })
})

test.each([{ listens: true }, { listens: false }])(
  'uses [::1] over real sockets if 127.0.0.1 does not answer, listening or not ($listens)',
  async ({ listens }) => {
    await using mute = await serveRaw(() => {})
    if (!listens) await mute[Symbol.asyncDispose]()
    await using instance = emulateInstance()
    const { endpoint } = await instance.listen({ host: '::1' })
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    const dispatcher: ImdsDispatcher = {
      request: (options) =>
        agent.request({ ...options, origin: options.origin === IPV6_ENDPOINT ? endpoint : mute.endpoint }),
    }
    await using provider = fromInstanceRole({ endpointMode: 'auto', dispatcher, isolated: true })
    expect((await provider()).accessKeyId).toBe(instance.credentials?.accessKeyId)
    expect(instance.requests).toEqual(FIRST_LOAD)
  },
)
