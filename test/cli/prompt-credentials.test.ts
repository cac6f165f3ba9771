import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { promptCredentials } from '../../src/cli/prompt-credentials.js'
import type { InstanceRoleCredentials } from '../../src/index.js'

const CREDENTIALS: InstanceRoleCredentials = {
  accessKeyId: 'FAKE',
  secretAccessKey: 'FAKE',
  sessionToken: 'FAKE',
  expiration: new Date('2026-01-01T06:00:00Z'),
  $source: { CREDENTIALS_IMDS: '0' },
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** A provider whose calls settle when the test says so. */
function setup() {
  const calls: PromiseWithResolvers<InstanceRoleCredentials>[] = []
  const get = promptCredentials(() => {
    const call = withResolvers<InstanceRoleCredentials>()
    calls.push(call)
    return call.promise
  }, 900)
  return { calls, get }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let settle: Omit<PromiseWithResolvers<T>, 'promise'> = { resolve: () => {}, reject: () => {} }
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }))
  return { promise, ...settle }
}

test("returns the provider's credentials if they come in time, and leaves no timer", async () => {
  const { calls, get } = setup()
  const got = get()
  calls[0]?.resolve(CREDENTIALS)
  expect(await got).toBe(CREDENTIALS)
  expect(vi.getTimerCount()).toBe(0)
})

test('returns nothing while the first load takes longer', async () => {
  const { get } = setup()
  const got = get()
  await vi.advanceTimersByTimeAsync(900)
  expect(await got).toBeUndefined()
})

test('rejects with the last failure while another load takes longer', async () => {
  const { calls, get } = setup()
  const first = get()
  const error = new Error('refused')
  calls[0]?.reject(error)
  await expect(first).rejects.toBe(error)
  const second = expect(get()).rejects.toBe(error)
  await vi.advanceTimersByTimeAsync(900)
  await second
})

test('remembers a failure that came after the response', async () => {
  const { calls, get } = setup()
  const first = get()
  await vi.advanceTimersByTimeAsync(900)
  await first
  const error = new Error('refused')
  calls[0]?.reject(error)
  const second = expect(get()).rejects.toBe(error)
  await vi.advanceTimersByTimeAsync(900)
  await second
})

test('forgets a failure when there are credentials', async () => {
  const { calls, get } = setup()
  const settled = [get(), get()]
  calls[0]?.reject(new Error('refused'))
  await expect(settled[0]).rejects.toThrow('refused')
  calls[1]?.resolve(CREDENTIALS)
  await settled[1]
  const third = get()
  await vi.advanceTimersByTimeAsync(900)
  expect(await third).toBeUndefined()
})
