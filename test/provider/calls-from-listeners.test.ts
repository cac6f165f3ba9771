import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import { FIRST_LOAD, HOUR, setup } from '../setup.js'

/** Listens until the test has ended. */
function listen(channel: string, hear: () => void): void {
  subscribe(channel, hear)
  onTestFinished(() => void unsubscribe(channel, hear))
}

test.each(['load:start', 'load:attempt', 'load:end', 'refreshed'])(
  'makes one load if a subscriber of instance-role:%s calls the provider',
  async (name) => {
    const { instance, provider } = setup()
    const calls: Promise<unknown>[] = []
    listen(`instance-role:${name}`, () => void calls.push(provider()))
    const { accessKeyId } = await provider()
    expect(calls.length).toBeGreaterThan(0)
    expect(calls.length).toBeLessThan(5)
    for (const called of await Promise.all(calls)) expect(called).toMatchObject({ accessKeyId })
    expect(instance.requests).toEqual(FIRST_LOAD)
  },
)

test('makes one load if a logger calls the provider', async () => {
  const calls: Promise<unknown>[] = []
  const call = (): void => void calls.push(provider())
  const { instance, provider } = setup({
    provider: { logger: { debug: call, info: call, warn: call, error: call } },
  })
  await provider()
  await Promise.all(calls)
  expect(calls).toHaveLength(1)
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test.each([
  ['load:start', 6.1, 403],
  ['load:error', 6.1, 403],
  ['refresh-failed', 5.9, 403],
  ['extended', 6.1, 500],
  ['calls-failing', 6.1, 403],
] as const)(
  'makes a limited number of loads in an outage if a subscriber of instance-role:%s calls the provider',
  async (name, hours, status) => {
    const { clock, instance, provider } = setup()
    await provider()
    await clock.advance(hours * HOUR)
    instance.failUntilLifted('all', { status })
    instance.clearRequests()
    const calls: Promise<unknown>[] = []
    listen(`instance-role:${name}`, () => {
      if (calls.length < 1_000) calls.push(provider().catch(() => {}))
    })
    await provider({ forceRefresh: true }).catch(() => {})
    await Promise.all(calls)
    expect(calls).not.toEqual([])
    expect(instance.requests.length).toBeLessThan(20)
  },
)
