import { createRequire } from 'node:module'
import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { join } from 'node:path'
import { expect, expectTypeOf, inject, onTestFinished, test, vi } from 'vitest'
import { type Fault, type MswHandlers, createTestClock, emulateInstance } from '../../src/testing/index.js'
import { createMswHandlers, loadMsw } from '../../src/testing/msw-front.js'
import { RUNS_NEWER_PACKAGES } from '../package/newer-packages.js'

const MAC = 'http://169.254.169.254/latest/meta-data/mac'

function setup(...faults: Fault[]) {
  const clock = createTestClock()
  const instance = emulateInstance({ clock, httpTokens: 'optional' })
  instance.fail('all', ...faults)
  const server = setupServer(...instance.handlers)
  server.listen({ onUnhandledRequest: 'error' })
  onTestFinished(() => server.close())
  const timeout = (delayMs: number): AbortSignal => {
    const controller = new AbortController()
    clock.after(delayMs, () => controller.abort(new Error('timed out')))
    return controller.signal
  }
  return { clock, instance, server, timeout, startedAt: clock.now() }
}

test.each([
  'http://169.254.169.254',
  'http://[fd00:ec2::254]',
  'http://localhost:1338',
  'https://imds.example',
])('answers at %s', async (origin) => {
  const { instance } = setup()
  const response = await fetch(`${origin}/latest/api/token`, {
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('server')).toBe('EC2ws')
  expect(await response.text()).toHaveLength(56)
  expect(instance.requests).toEqual(['PUT /latest/api/token 200'])
})

test('sends error statuses with their page', async () => {
  setup()
  const response = await fetch('http://169.254.169.254/latest/nothing')
  expect(response.status).toBe(404)
  expect(await response.text()).toContain('404 - Not Found')
})

test('leaves other requests to other handlers', async () => {
  const { instance, server } = setup()
  server.use(http.get('https://registry.example/pkg/latest/info', () => HttpResponse.text('other')))
  expect(await (await fetch('https://registry.example/pkg/latest/info')).text()).toBe('other')
  expect(instance.requests).toEqual([])
})

test('ignores requests with /latest/ further down the path', async () => {
  const { instance, server } = setup()
  server.resetHandlers(
    ...instance.handlers,
    http.get('*', () => HttpResponse.text('other')),
  )
  expect(await (await fetch('https://registry.example/pkg/latest/info')).text()).toBe('other')
  expect(instance.requests).toEqual([])
})

test.each<Fault>(['reset', 'refuse'])('%s is a network error', async (fault) => {
  setup(fault)
  await expect(fetch(MAC)).rejects.toThrow(TypeError)
})

test('silence lasts until the signal is aborted, and prints nothing', async () => {
  const { clock, timeout, startedAt } = setup('silence')
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => printed.mockRestore())
  await expect(fetch(MAC, { signal: timeout(60_000) })).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(60_000)
  await clock.advance(0)
  expect(printed).not.toHaveBeenCalled()
})

test('a delay passes by itself', async () => {
  const { clock, startedAt } = setup({ delayMs: 5_000 })
  expect((await fetch(MAC)).status).toBe(200)
  expect(clock.now() - startedAt).toBe(5_000)
})

test('a delay ends when the signal is aborted', async () => {
  const { clock, timeout, startedAt } = setup({ delayMs: 5_000 })
  await expect(fetch(MAC, { signal: timeout(1_000) })).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(1_000)
})

test('a body can drip', async () => {
  const { clock, startedAt } = setup({ dripMs: 100 })
  expect(await (await fetch(MAC)).text()).toBe('02:00:00:00:00:01')
  expect(clock.now() - startedAt).toBeGreaterThanOrEqual(1_700)
})

test('a dripping body ends when the signal is aborted', async () => {
  const { timeout } = setup({ dripMs: 100 })
  const response = await fetch(MAC, { signal: timeout(1_000) })
  await expect(response.text()).rejects.toThrow('timed out')
})

test('a body can end in the middle', async () => {
  setup('reset-mid-body')
  const response = await fetch(MAC)
  await expect(response.text()).rejects.toThrow('terminated')
})

test('a client that does not follow redirects gets the redirect', async () => {
  setup({ redirectTo: 'http://198.51.100.7/' })
  expect((await fetch(MAC, { redirect: 'manual' })).status).toBe(302)
})

test('returns the same handlers each time', () => {
  const instance = emulateInstance()
  expect(instance.handlers).toBe(instance.handlers)
})

test('says what to install if msw is missing', () => {
  expect(() => loadMsw(['/nowhere/at/all.js'])).toThrow(
    'instance.handlers needs msw, 2 or 3: npm install --save-dev msw',
  )
})

test('loads the copy of msw that tests import', () => {
  expect(createRequire(import.meta.url)('msw')).toHaveProperty('http', http)
})

// That of msw 3 has its turn in test/package/types.test.ts.
test('the type of handlers fits the setupServer of msw 2', () => {
  expectTypeOf<MswHandlers>().toExtend<Parameters<typeof setupServer>>()
})

test.skipIf(!RUNS_NEWER_PACKAGES)('works with msw 3 (which needs Node 22)', async () => {
  const place = join(inject('newerProject'), 'tests.js')
  const msw3 = createRequire(place)('msw/node') as { readonly setupServer: typeof setupServer }
  const msw = loadMsw([place])
  const clock = createTestClock()
  const instance = emulateInstance({ clock })
  instance.fail('token', { status: 503 }, 'reset')
  const { signal: closed } = new AbortController()
  const handlers = createMswHandlers({ clock, closed, answer: (request) => instance.answer(request) }, msw)
  const server = msw3.setupServer(...handlers)
  server.listen()
  onTestFinished(() => server.close())
  // An address of this machine: msw 3 has Node connect to the real one, on a socket that goes nowhere, and our guard sees only that.
  const ask = () =>
    fetch('http://127.0.0.1:1338/latest/api/token', {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    })
  expect((await ask()).status).toBe(503)
  await expect(ask()).rejects.toThrow(TypeError)
  expect(await (await ask()).text()).toHaveLength(56)
})
