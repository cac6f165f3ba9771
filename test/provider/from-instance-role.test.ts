import { expect, test, vi } from 'vitest'
import { InstanceRoleError } from '../../src/index.js'
import { CREDENTIALS, HOUR, setup } from '../setup.js'

test('serves a thousand cached calls without a request, a timer or parsing', async () => {
  const { instance, provider } = setup()
  await provider()
  const spies = [
    vi.spyOn(globalThis, 'setTimeout'),
    vi.spyOn(globalThis, 'setInterval'),
    vi.spyOn(globalThis, 'setImmediate'),
    vi.spyOn(globalThis, 'queueMicrotask'),
    vi.spyOn(JSON, 'parse'),
    vi.spyOn(JSON, 'stringify'),
  ]
  instance.clearRequests()
  for (let call = 0; call < 1_000; call += 1) await provider()
  const counts = spies.map(({ mock }) => mock.calls.length)
  for (const spy of spies) spy.mockRestore()
  expect(counts).toEqual(spies.map(() => 0))
  expect(instance.requests).toEqual([])
})

test('is not affected by a caller that changes its result', async () => {
  const { provider } = setup()
  const first = await provider()
  const { expiration } = first
  const expiresAt = expiration.getTime()
  expiration.setTime(0)
  Object.assign(first, { accessKeyId: 'spoilt' })
  const second = await provider()
  expect(second.expiration.getTime()).toBe(expiresAt)
  expect(second.accessKeyId).not.toBe('spoilt')
})

test('respects an invalidation during the first call', async () => {
  const { instance, create } = setup()
  await create()()
  instance.clearRequests()
  const provider = create()
  const first = provider()
  provider.invalidate()
  await first
  await provider()
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`])
})

test('forgets an invalidation during the first call if that call fails', async () => {
  const { instance, create } = setup()
  await create()()
  instance.clearRequests()
  const provider = create()
  vi.stubEnv('AWS_METADATA_SERVICE_TIMEOUT', 'soon')
  const first = expect(provider()).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  provider.invalidate()
  await first
  vi.unstubAllEnvs()
  await provider()
  expect(instance.requests).toEqual([])
})

test("rejects with the caller's own abort reason, whatever it is", async () => {
  const { instance, provider } = setup()
  const reason = new InstanceRoleError('CLOSED', 'Not wanted any more.')
  instance.failUntilLifted('all', 'silence')
  const controller = new AbortController()
  const properties = { abortSignal: controller.signal }
  const kept = [provider(properties), provider.ready(properties)].map((call) =>
    expect(call).rejects.toBe(reason),
  )
  controller.abort(reason)
  await Promise.all(kept)
})

test('ignores an invalidation before the first call', async () => {
  const { instance, create } = setup()
  await create()()
  instance.clearRequests()
  const provider = create()
  provider.invalidate()
  await provider()
  expect(instance.requests).toEqual([])
})

test('sends no request for a caller that aborted before the call', async () => {
  const { clock, instance, provider } = setup()
  const abortSignal = AbortSignal.abort(new Error('too late'))
  await expect(provider({ abortSignal })).rejects.toThrow('too late')
  await expect(provider({ abortSignal, forceRefresh: true })).rejects.toThrow('too late')
  await expect(provider.ready({ abortSignal })).rejects.toThrow('too late')
  await clock.advance(1_000)
  expect(instance.requests).toEqual([])
})

test('throws a different error to each caller for a remembered failure', async () => {
  const { instance, provider } = setup({ provider: { retries: 0 } })
  const failure = (): Promise<unknown> => provider().catch((thrown: unknown) => thrown)
  instance.disassociateProfile()
  const failures = [await failure(), await failure(), await failure(), await failure()]
  // The third call and the fourth come in the pause after the second.
  expect(instance.requests.filter((request) => request.includes('security-credentials'))).toHaveLength(2)
  expect(new Set(failures).size).toBe(4)
  expect(failures[3]).toMatchObject({ code: 'NO_ROLE' })
})

test('replaces expired credentials with other expired ones if IMDS has no better', async () => {
  const { clock, instance, provider } = setup()
  const { expiration } = await provider()
  instance.failUntilLifted('credentials', 'expired')
  await clock.advance(expiration.getTime() - clock.now() + HOUR)
  const extended = await provider()
  expect(extended.accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(extended.originalExpiration?.getTime()).toBeLessThan(clock.now())
  expect(provider.status()).not.toHaveProperty('lastErrorCode')
})

test('remembers the failure if the cached credentials have expired and were withdrawn', async () => {
  const { clock, instance, provider } = setup({ provider: { retries: 0 } })
  const { expiration } = await provider()
  instance.disassociateProfile()
  await clock.advance(expiration.getTime() - clock.now() + HOUR)
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE' })
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE' })
  instance.clearRequests()
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE' })
  expect(instance.requests).toEqual([])
})
