import { expect, test } from 'vitest'
import { CREDENTIALS, FIRST_LOAD, HOUR, setup, TOKEN } from '../setup.js'

test('needs three requests for the first load', async () => {
  const { instance, provider } = setup()
  await provider()
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('needs two requests for the first load if the role is named', async () => {
  const { instance, provider } = setup({ provider: { roleName: 'app-role' } })
  await provider()
  expect(instance.requests).toEqual([`${TOKEN} 200`, `${CREDENTIALS} 200`])
})

test('needs one request for a refresh', async () => {
  const { instance, provider } = setup()
  await provider()
  instance.clearRequests()
  await provider({ forceRefresh: true })
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`, `${CREDENTIALS} 200`])
})

test('requests a new metadata token two minutes before the old one expires', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  await clock.advance(6 * HOUR - 120_001)
  instance.clearRequests()
  await provider({ forceRefresh: true })
  await clock.advance(1)
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`, `${TOKEN} 200`, `${CREDENTIALS} 200`])
})

test('needs three requests for a thousand concurrent first calls', async () => {
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

test('shares the metadata token, but not the credentials, among providers of one endpoint with different settings', async () => {
  const { instance, create } = setup()
  await create()()
  await create({ roleName: 'app-role' })()
  expect(instance.requests).toEqual([...FIRST_LOAD, `${CREDENTIALS} 200`])
})

test('shares nothing if isolated', async () => {
  const { instance, create, provider } = setup()
  await provider()
  await create({ isolated: true })()
  expect(instance.requests).toEqual([...FIRST_LOAD, ...FIRST_LOAD])
})

test('does not affect other providers when one that shares with them is closed', async () => {
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

test('gives the running load to other providers when one that shares it is closed', async () => {
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

test('sends no request for a cached call, and none before the first call', async () => {
  const { instance, provider } = setup()
  expect(instance.requests).toEqual([])
  await provider()
  instance.clearRequests()
  for (let call = 0; call < 1_000; call += 1) await provider()
  expect(instance.requests).toEqual([])
})
