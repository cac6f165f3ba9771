import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { type Fault, createTestClock, emulateInstance } from '../../src/testing/index.js'

const MAC = { method: 'GET', path: '/latest/meta-data/mac' }

function setup(...faults: Fault[]) {
  const clock = createTestClock()
  const instance = emulateInstance({ clock, httpTokens: 'optional' })
  instance.fail('all', ...faults)
  /** A signal that the clock aborts, as a provider's time limit does. */
  const timeout = (delayMs: number): AbortSignal => {
    const controller = new AbortController()
    clock.after(delayMs, () => controller.abort(new Error('timed out')))
    return controller.signal
  }
  return { clock, instance, dispatcher: instance.dispatcher, timeout, startedAt: clock.now() }
}

test('sends requests to the instance in this process, whatever the origin', async () => {
  const { instance, dispatcher } = setup()
  const { statusCode, headers, body } = await dispatcher.request({
    origin: 'http://[fd00:ec2::254]',
    method: 'PUT',
    path: '/latest/api/token',
    headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' },
  })
  expect(statusCode).toBe(200)
  expect(headers['server']).toBe('EC2ws')
  expect(await text(body)).toHaveLength(56)
  expect(instance.requests).toEqual(['PUT /latest/api/token 200'])
})

test('sends no request after the signal is aborted', async () => {
  const { instance, dispatcher } = setup()
  await expect(dispatcher.request({ ...MAC, signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  expect(instance.requests).toEqual([])
})

test.each<[Fault, string]>([
  ['reset', 'ECONNRESET'],
  ['refuse', 'ECONNREFUSED'],
])('fails after %s as a socket does', async (fault, code) => {
  const { dispatcher } = setup(fault)
  await expect(dispatcher.request(MAC)).rejects.toMatchObject({ code })
})

test('silence lasts until the signal is aborted, and takes no real time', async () => {
  const { clock, dispatcher, timeout, startedAt } = setup('silence')
  await expect(dispatcher.request({ ...MAC, signal: timeout(86_400_000) })).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(86_400_000)
})

test('silence fires the timers that are due before the signal is aborted', async () => {
  const { clock, dispatcher, timeout, startedAt } = setup('silence')
  const fired: number[] = []
  clock.after(300, () => fired.push(clock.now() - startedAt))
  await expect(dispatcher.request({ ...MAC, signal: timeout(1_000) })).rejects.toThrow('timed out')
  expect(fired).toEqual([300])
})

test('a delay passes by itself', async () => {
  const { clock, dispatcher, startedAt } = setup({ delayMs: 5_000 })
  expect((await dispatcher.request(MAC)).statusCode).toBe(200)
  expect(clock.now() - startedAt).toBe(5_000)
})

test('a delay ends when the signal is aborted, and no more time passes', async () => {
  const { clock, dispatcher, timeout, startedAt } = setup({ delayMs: 5_000 })
  await expect(dispatcher.request({ ...MAC, signal: timeout(1_000) })).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(1_000)
})

test('a dripping body comes one byte at a time', async () => {
  const { clock, dispatcher, startedAt } = setup({ dripMs: 100 })
  expect(await text((await dispatcher.request(MAC)).body)).toBe('02:00:00:00:00:01')
  expect(clock.now() - startedAt).toBe(1_700)
})

test('a dripping body ends when the signal is aborted', async () => {
  const { clock, dispatcher, timeout, startedAt } = setup({ dripMs: 100 })
  const { body } = await dispatcher.request({ ...MAC, signal: timeout(1_000) })
  await expect(text(body)).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(1_000)
})

test('a body can end in the middle', async () => {
  const { dispatcher } = setup('reset-mid-body')
  const { statusCode, body } = await dispatcher.request(MAC)
  expect(statusCode).toBe(200)
  await expect(text(body)).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('a redirect is returned', async () => {
  const { instance, dispatcher } = setup({ redirectTo: '/latest/meta-data/instance-id' })
  const { statusCode, headers } = await dispatcher.request(MAC)
  expect([statusCode, headers['location']]).toEqual([302, '/latest/meta-data/instance-id'])
  expect(instance.requests).toEqual(['GET /latest/meta-data/mac 302'])
})

test('a status without a body has none', async () => {
  const { dispatcher } = setup({ status: 204 })
  expect(await text((await dispatcher.request(MAC)).body)).toBe('')
})

test.each<Fault>(['silence', { delayMs: 60_000 }])(
  'a request with %j fails when the instance is closed',
  async (fault) => {
    const instance = emulateInstance({ httpTokens: 'optional' })
    instance.fail('all', fault)
    const failed = expect(instance.dispatcher.request(MAC)).rejects.toMatchObject({ code: 'ECONNRESET' })
    await instance.close()
    await failed
  },
)

test('sends a thousand requests with one signal', async () => {
  const { instance, dispatcher } = setup()
  const { signal } = new AbortController()
  await Promise.all(Array.from({ length: 1_000 }, () => dispatcher.request({ ...MAC, signal })))
  expect(instance.requests).toHaveLength(1_000)
})
