import { expect, test } from 'vitest'
import type { ImdsDispatcher } from '../../src/config/options.js'
import { systemConfigSources } from '../../src/config/config-sources.js'
import { createRegistry } from '../../src/credentials/shared-sources.js'
import { createProvider } from '../../src/provider/from-instance-role.js'
import { createTestClock, emulateInstance } from '../../src/testing/index.js'
import { CREDENTIALS, HOUR, MINUTE, SECOND, virtualRuntime } from '../setup.js'

type Response = Awaited<ReturnType<ImdsDispatcher['request']>>

/** A host whose clock is wrong by `hostErrorMs` until it is corrected, with an IMDS whose clock is right. */
function setup(hostErrorMs: number, spoil: (response: Response) => Response = (response) => response) {
  let errorMs = hostErrorMs
  const clock = createTestClock({ startAt: Date.UTC(2026, 0, 1) })
  const instance = emulateInstance({ clock })
  const runtime = { ...virtualRuntime(clock), now: () => clock.now() + errorMs }
  const environment = { runtime, registry: createRegistry(), configSources: systemConfigSources }
  const dispatcher: ImdsDispatcher = {
    request: async (options) => spoil(await instance.dispatcher.request(options)),
  }
  const setHostClock = (aheadMs: number): void => void (errorMs = aheadMs)
  return { clock, instance, provider: createProvider({ dispatcher }, environment), setHostClock }
}

function withDate(date: string): (response: Response) => Response {
  return (response) => ({ ...response, headers: { ...response.headers, date } })
}

/** The document, with another `LastUpdated`. */
function withLastUpdated(lastUpdated: string | undefined): (response: Response) => Response {
  async function* edited(body: Response['body']): AsyncGenerator<Uint8Array> {
    let text = ''
    for await (const chunk of body) text += Buffer.from(chunk).toString()
    const document: unknown = text.startsWith('{') ? JSON.parse(text) : undefined
    const spoilt = document === undefined ? text : JSON.stringify({ ...document, LastUpdated: lastUpdated })
    yield Buffer.from(spoilt)
  }
  return (response) => ({ ...response, body: edited(response.body) })
}

const iso = (instant: number): string => new Date(instant).toISOString().replace(/\.\d+Z$/, 'Z')
const START = Date.UTC(2026, 0, 1)

test.each([-3 * HOUR, 3 * HOUR, 7 * HOUR, -72 * HOUR, 72 * HOUR])(
  'sends the same requests whatever the Date header says: off by %d ms',
  async (offMs) => {
    const plain = setup(0)
    const spoilt = setup(0, withDate(new Date(START + offMs).toUTCString()))
    for (const { clock, provider } of [plain, spoilt]) {
      for (let hour = 0; hour < 24; hour += 1) {
        await provider()
        await clock.advance(HOUR)
      }
    }
    expect(spoilt.instance.requests).toEqual(plain.instance.requests)
  },
)

test('treats credentials as expired by their own date, although the response is dated three days ago', async () => {
  const { clock, instance, provider } = setup(0, withDate(new Date(START - 72 * HOUR).toUTCString()))
  instance.failUntilLifted('credentials', 'expired')
  const replayed = await provider()
  expect(replayed.originalExpiration?.getTime()).toBeLessThan(clock.now())
})

test('keeps credentials of 6 h through a 404 that is dated 7 h ahead', async () => {
  const { clock, instance, provider } = setup(0)
  const held = await provider()
  const date = new Date(START + 7 * HOUR).toUTCString()
  instance.fail('all', { status: 404, headers: { date } }, { status: 404, headers: { date } })
  await provider({ forceRefresh: true })
  await clock.advance(MINUTE)
  expect((await provider()).accessKeyId).toBe(held.accessKeyId)
})

test.each([3, 10])(
  'serves no truly expired credentials for 24 h on a host that is %d h behind',
  { timeout: 60_000 },
  async (hours) => {
    const { clock, instance, provider } = setup(-hours * HOUR)
    const expired: string[] = []
    for (let calls = 0; calls < 24 * 120; calls += 1) {
      const { expiration, accessKeyId } = await provider()
      if (expiration.getTime() <= clock.now()) expired.push(accessKeyId)
      await clock.advance(30 * SECOND)
    }
    expect(expired).toEqual([])
    expect(instance.requests.filter((request) => request.startsWith(CREDENTIALS)).length).toBeLessThan(100)
    expect(provider.status().clockOffsetMs).toBe(hours * HOUR)
  },
)

test('serves a host that is 12 h ahead, with one or two requests to IMDS per minute', async () => {
  const { clock, instance, provider } = setup(12 * HOUR)
  const keys = new Set<string>()
  for (let minute = 0; minute < 8 * 60; minute += 1) {
    const { accessKeyId } = await provider()
    if (accessKeyId === instance.credentials?.accessKeyId) keys.add(accessKeyId)
    await clock.advance(MINUTE)
  }
  expect(keys.size).toBeGreaterThan(4)
  expect(instance.requests.length).toBeLessThanOrEqual(2 * 8 * 60)
})

test.each([
  { what: 'absent', lastUpdated: undefined },
  { what: 'constant', lastUpdated: '2012-04-26T16:39:16Z' },
  { what: 'now', lastUpdated: iso(START) },
  { what: 'in the future', lastUpdated: iso(START + 5 * HOUR) },
  { what: 'after Expiration', lastUpdated: iso(START + 24 * HOUR) },
  { what: 'a word', lastUpdated: 'soon' },
])(
  'refreshes credentials whose LastUpdated is $what after about half of their life at the latest',
  async ({ lastUpdated }) => {
    const { clock, instance, provider } = setup(0, withLastUpdated(lastUpdated))
    await provider()
    instance.clearRequests()
    await clock.advance(3.4 * HOUR)
    await provider()
    await clock.advance(0)
    expect(instance.requests).toContain(`${CREDENTIALS} 200`)
    await clock.advance(MINUTE)
    instance.clearRequests()
    await provider()
    await clock.advance(0)
    expect(instance.requests).toEqual([])
  },
)

test('retries at once when a clock that jumped ahead during an outage is corrected', async () => {
  const { clock, instance, provider, setHostClock } = setup(0)
  const held = await provider()
  instance.failUntilLifted('all', 'refuse')
  setHostClock(13 * HOUR)
  expect((await provider()).originalExpiration).toEqual(held.expiration)
  setHostClock(0)
  await clock.advance(6.5 * HOUR)
  instance.clearRequests()
  const { expiration } = await provider()
  expect(instance.requests).not.toEqual([])
  expect(expiration.getTime() - clock.now()).toBeLessThanOrEqual(4 * MINUTE)
})

test("extends by the host's clock, which its clients use as well", async () => {
  const { clock, instance, provider } = setup(5 * HOUR)
  const { expiration } = await provider()
  instance.failUntilLifted('all', 'refuse')
  await clock.advance(expiration.getTime() - clock.now())
  const extended = await provider()
  expect(extended.originalExpiration).toEqual(expiration)
  const aheadOfHostMs = extended.expiration.getTime() - (clock.now() + 5 * HOUR)
  expect(aheadOfHostMs).toBeGreaterThanOrEqual(MINUTE)
  expect(aheadOfHostMs).toBeLessThanOrEqual(4 * MINUTE)
})

test.each([
  { ahead: 5 * HOUR, idle: 6.5 * HOUR },
  { ahead: -5 * HOUR, idle: 6.5 * HOUR },
  { ahead: 26 * HOUR, idle: 7 * HOUR },
])(
  'returns the newest credentials if a clock $ahead ms ahead is corrected after the load',
  async ({ ahead, idle }) => {
    const { clock, instance, provider, setHostClock } = setup(ahead)
    await provider()
    setHostClock(0)
    await clock.advance(idle)
    const { accessKeyId } = await provider()
    expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
    expect(provider.status()).not.toHaveProperty('clockOffsetMs')
  },
)

test.each([
  { errorMs: 1_500, shown: undefined },
  { errorMs: -2_500, shown: 2_500 },
])('shows a clock offset of $errorMs ms from 2 s on', async ({ errorMs, shown }) => {
  const { provider } = setup(errorMs)
  await provider()
  expect(provider.status().clockOffsetMs).toBe(shown)
})

test('shows no offset from a response without credentials', async () => {
  const { clock, instance, provider } = setup(9 * HOUR)
  await provider()
  await clock.advance(HOUR)
  instance.failUntilLifted('all', { status: 500, headers: { date: new Date(0).toUTCString() } })
  await provider({ forceRefresh: true })
  expect(provider.status().clockOffsetMs).toBe(-9 * HOUR)
})
