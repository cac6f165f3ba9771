import { afterEach, beforeEach, expect, test } from 'vitest'
import { HOUR, MINUTE, setup } from '../setup.js'

// What a process does once its work is done is shown with the packed package, in test/package.

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)

beforeEach(() => void process.on('unhandledRejection', note))
afterEach(() => {
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

test('leaves no rejection unhandled if a refresh behind the calls fails', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  instance.failUntilLifted('all', 'reset-mid-body')
  for (let minute = 0; minute < 120; minute += 1) {
    await provider()
    await clock.advance(3 * MINUTE)
  }
  expect(provider.status().lastErrorCode).toBe('BAD_RESPONSE')
})

test('leaves no rejection unhandled if a caller does not wait', async () => {
  const { clock, instance, provider } = setup()
  instance.failUntilLifted('all', 'silence')
  const abort = new AbortController()
  const call = provider({ abortSignal: abort.signal })
  abort.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
  await clock.advance(MINUTE)
})

test.each([{}, 'x', 0, { aborted: false }, true])(
  'refuses %j as abortSignal, and leaves no rejection unhandled',
  async (abortSignal) => {
    const { instance, provider } = setup()
    instance.failUntilLifted('all', { status: 403 })
    const message: unknown = expect.stringMatching(/^The option abortSignal is not an AbortSignal\b/)
    const refused = { code: 'BAD_CONFIG', message }
    const given: object = { abortSignal }
    await expect(provider(given)).rejects.toMatchObject(refused)
    await expect(provider.ready(given)).rejects.toMatchObject(refused)
    expect(instance.requests).toEqual([])
  },
)

test('treats a null signal as absent', async () => {
  const { provider } = setup()
  const given: object = { abortSignal: null, forceRefresh: true }
  expect((await provider(given)).accessKeyId).toMatch(/^FAKE/)
  expect((await provider.ready(given)).accessKeyId).toMatch(/^FAKE/)
})

test('sends no request between calls', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  await clock.advance(6 * HOUR - MINUTE)
  await provider()
  instance.clearRequests()
  await clock.advance(24 * HOUR)
  expect(instance.requests).toEqual([])
})
