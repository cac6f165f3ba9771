import { expect, test } from 'vitest'
import { type Fault, createTestClock, emulateInstance } from '../../src/testing/index.js'

const ORIGIN = 'http://169.254.169.254'
const MAC = `${ORIGIN}/latest/meta-data/mac`

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
  return { clock, instance, fetch: instance.fetch, timeout, startedAt: clock.now() }
}

test('asks the instance in this process, whatever the address', async () => {
  const { instance, fetch } = setup()
  const response = await fetch('http://[fd00:ec2::254]/latest/api/token', {
    method: 'put',
    headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' },
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('server')).toBe('EC2ws')
  expect(await response.text()).toHaveLength(56)
  expect(instance.requests).toEqual(['PUT /latest/api/token 200'])
})

test('takes a Request and a URL, too', async () => {
  const { instance, fetch } = setup()
  await fetch(new Request(MAC, { method: 'HEAD' }))
  await fetch(new Request(MAC), { method: 'HEAD' })
  await fetch(new URL(MAC))
  expect(instance.requests.map((request) => request.split(' ')[0])).toEqual(['HEAD', 'HEAD', 'GET'])
})

test('does not ask once the signal is aborted', async () => {
  const { instance, fetch } = setup()
  await expect(fetch(MAC, { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  expect(instance.requests).toEqual([])
})

test.each<[Fault, string]>([
  ['reset', 'ECONNRESET'],
  ['refuse', 'ECONNREFUSED'],
])('fails after %s as the built-in fetch does', async (fault, code) => {
  const { fetch } = setup(fault)
  await expect(fetch(MAC)).rejects.toMatchObject({
    name: 'TypeError',
    message: 'fetch failed',
    cause: { code },
  })
})

test('silence lasts until the signal is aborted, and takes no real time', async () => {
  const { clock, fetch, timeout, startedAt } = setup('silence')
  await expect(fetch(MAC, { signal: timeout(86_400_000) })).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(86_400_000)
})

test('silence fires the timers that are due before the signal is aborted', async () => {
  const { clock, fetch, timeout, startedAt } = setup('silence')
  const fired: number[] = []
  clock.after(300, () => fired.push(clock.now() - startedAt))
  await expect(fetch(MAC, { signal: timeout(1_000) })).rejects.toThrow('timed out')
  expect(fired).toEqual([300])
})

test('a delay passes by itself', async () => {
  const { clock, fetch, startedAt } = setup({ delayMs: 5_000 })
  expect((await fetch(MAC)).status).toBe(200)
  expect(clock.now() - startedAt).toBe(5_000)
})

test('a delay ends where the signal is aborted, and the time with it', async () => {
  const { clock, fetch, timeout, startedAt } = setup({ delayMs: 5_000 })
  await expect(fetch(MAC, { signal: timeout(1_000) })).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(1_000)
})

test('a dripping body comes a byte at a time', async () => {
  const { clock, fetch, startedAt } = setup({ dripMs: 100 })
  expect(await (await fetch(MAC)).text()).toBe('02:00:00:00:00:01')
  expect(clock.now() - startedAt).toBe(1_700)
})

test('a dripping body breaks off where the signal is aborted', async () => {
  const { clock, fetch, timeout, startedAt } = setup({ dripMs: 100 })
  const response = await fetch(MAC, { signal: timeout(1_000) })
  await expect(response.text()).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(1_000)
})

test('a body breaks off in the middle', async () => {
  const { fetch } = setup('reset-mid-body')
  const response = await fetch(MAC)
  expect(response.status).toBe(200)
  await expect(response.text()).rejects.toMatchObject({
    message: 'terminated',
    cause: { code: 'ECONNRESET' },
  })
})

test('follows a redirect, as fetch does unless told', async () => {
  const { instance, fetch } = setup({ redirectTo: '/latest/meta-data/instance-id' })
  expect(await (await fetch(MAC)).text()).toBe('i-0123456789abcdef0')
  expect(instance.requests).toEqual([
    'GET /latest/meta-data/mac 302',
    'GET /latest/meta-data/instance-id 200',
  ])
})

test('follows no more redirects than fetch does', async () => {
  const instance = emulateInstance({ httpTokens: 'optional' })
  instance.failUntilLifted('all', { redirectTo: MAC })
  const failed = instance.fetch(MAC)
  await expect(failed).rejects.toMatchObject({ cause: { code: 'redirect count exceeded' } })
  expect(instance.requests).toHaveLength(21)
})

test('does not follow a redirect when told', async () => {
  const { instance, fetch } = setup({ redirectTo: '/' }, { redirectTo: '/' })
  expect((await fetch(MAC, { redirect: 'manual' })).status).toBe(302)
  await expect(fetch(MAC, { redirect: 'error' })).rejects.toThrow('fetch failed')
  expect(instance.requests).toHaveLength(2)
})

test('a status without a body has none', async () => {
  const { fetch } = setup({ status: 204 })
  expect(await (await fetch(MAC)).text()).toBe('')
})

test.each<Fault>(['silence', { delayMs: 60_000 }])(
  'what meets %j fails when the instance is closed',
  async (fault) => {
    const instance = emulateInstance({ httpTokens: 'optional' })
    instance.fail('all', fault)
    const answer = instance.fetch(MAC)
    const failed = expect(answer).rejects.toThrow('fetch failed')
    await instance.close()
    await failed
  },
)

test('asks a thousand times on one signal', async () => {
  const { instance, fetch } = setup()
  const { signal } = new AbortController()
  await Promise.all(Array.from({ length: 1_000 }, () => fetch(MAC, { signal })))
  expect(instance.requests).toHaveLength(1_000)
})
