import { expect, test } from 'vitest'
import { CREDENTIALS, FIRST_LOAD, HOUR, setup, TOKEN } from '../setup.js'

test('loads first with three requests', async () => {
  const { instance, provider } = setup()
  await provider()
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('loads first with two requests when the role is named', async () => {
  const { instance, provider } = setup({ provider: { roleName: 'app-role' } })
  await provider()
  expect(instance.requests).toEqual([`${TOKEN} 200`, `${CREDENTIALS} 200`])
})

test('refreshes with one request', async () => {
  const { instance, provider } = setup()
  await provider()
  instance.clearRequests()
  await provider({ forceRefresh: true })
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`, `${CREDENTIALS} 200`])
})

test('takes another metadata token two minutes before the end of the one it has', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  await clock.advance(6 * HOUR - 120_001)
  instance.clearRequests()
  await provider({ forceRefresh: true })
  await clock.advance(1)
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`, `${TOKEN} 200`, `${CREDENTIALS} 200`])
})

test('answers a thousand concurrent first calls with three requests', async () => {
  const { instance, provider } = setup()
  const sets = await Promise.all(Array.from({ length: 1_000 }, () => provider()))
  expect(new Set(sets.map(({ accessKeyId }) => accessKeyId)).size).toBe(1)
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('shares one load among all providers of the process with the same settings', async () => {
  const { instance, create } = setup()
  await Promise.all(Array.from({ length: 100 }, () => create({ timeout: 900 })()))
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('shares the metadata token, and not the credentials, among providers of one endpoint with other settings', async () => {
  const { instance, create } = setup()
  await create()()
  await create({ roleName: 'app-role' })()
  expect(instance.requests).toEqual([...FIRST_LOAD, `${CREDENTIALS} 200`])
})

test('shares nothing when isolated', async () => {
  const { instance, create, provider } = setup()
  await provider()
  await create({ isolated: true })()
  expect(instance.requests).toEqual([...FIRST_LOAD, ...FIRST_LOAD])
})

test('lets the others go on when one of those who share is closed', async () => {
  const { instance, create } = setup()
  const [first, second] = [create(), create()]
  await Promise.all([first(), second()])
  await first.close()
  await second()
  expect(instance.requests).toEqual(FIRST_LOAD)
  await second.close()
  await create()()
  expect(instance.requests).toEqual([...FIRST_LOAD, ...FIRST_LOAD])
})

test('lets the others have the load under way when one of those who share is closed', async () => {
  const { clock, instance, create } = setup()
  const [first, second] = [create(), create()]
  instance.fail('credentials', { delayMs: 500 })
  const calls = Promise.allSettled([first(), second()])
  await clock.advance(100)
  await first.close()
  const [closed, served] = await calls
  expect(closed).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } })
  expect(served).toMatchObject({ value: { accessKeyId: instance.credentials?.accessKeyId } })
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('makes no request for a cached call, and none before the first call', async () => {
  const { instance, provider } = setup()
  expect(instance.requests).toEqual([])
  await provider()
  instance.clearRequests()
  for (let call = 0; call < 1_000; call += 1) await provider()
  expect(instance.requests).toEqual([])
})
