import { setupServer } from 'msw/node'
import { expect, onTestFinished, test, vi } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import { createTestClock, emulateInstance, resetInstanceRole } from '../../src/testing/index.js'

const LISTING = 'GET /latest/meta-data/iam/security-credentials/'
const ONE_LOAD = ['PUT /latest/api/token 200', `${LISTING} 200`, `${LISTING}app-role 200`]
const HOUR_MS = 3_600_000

// As an application has it: made once, at module scope, and shared by all tests.
const provider = fromInstanceRole()

/** An instance behind msw, on a clock that the provider goes by as well. */
function setup(options: Parameters<typeof emulateInstance>[0] = {}) {
  const clock = createTestClock().install()
  const instance = emulateInstance({ clock, ...options })
  const server = setupServer(...instance.handlers)
  server.listen({ onUnhandledRequest: 'error' })
  onTestFinished(async () => {
    server.close()
    clock.release()
    await instance.close()
  })
  return { clock, instance }
}

test.each([1, 2])('a provider at module scope has no state of the last test (%d)', async () => {
  const { instance } = setup()
  expect(await provider()).toMatchObject({ accessKeyId: instance.credentials?.accessKeyId })
  expect(instance.requests).toEqual(ONE_LOAD)
})

test('a provider asks again after a reset', async () => {
  const { instance } = setup()
  await provider()
  resetInstanceRole()
  await provider()
  expect(instance.requests).toEqual([...ONE_LOAD, ...ONE_LOAD])
})

test('time passes for the instance and the provider together', async () => {
  const { clock, instance } = setup()
  const first = await provider()
  await clock.advance(4 * HOUR_MS)
  await provider()
  await clock.advance(0)
  expect((await provider()).accessKeyId).not.toBe(first.accessKeyId)
  expect(instance.findCredentials(first.accessKeyId)).toBeDefined()
})

test('simulates a month in a moment, without returning expired credentials', async () => {
  const { clock, instance } = setup()
  const lefts: number[] = []
  for (let day = 0; day < 30; day += 0.25) {
    await clock.advance(6 * HOUR_MS)
    lefts.push((await provider()).expiration.getTime() - clock.now())
  }
  expect(Math.min(...lefts)).toBeGreaterThan(0)
  expect(new Set(instance.requests)).toEqual(new Set(ONE_LOAD))
})

test('recognises a hop limit without waiting for silence', async () => {
  const { instance } = setup({ hopsAway: 1 })
  await expect(provider()).rejects.toMatchObject({ name: 'InstanceRoleError' })
  expect(new Set(instance.requests)).toEqual(new Set(['PUT /latest/api/token silence']))
})

test('a provider recovers from single failures', async () => {
  const { instance } = setup()
  instance.fail('token', { status: 503 })
  instance.fail('credentials', 'reset', 'broken-json')
  expect(await provider()).toMatchObject({ accessKeyId: instance.credentials?.accessKeyId })
})

test('a provider uses a loopback server that its environment names', async () => {
  const clock = createTestClock().install()
  await using instance = emulateInstance({ clock })
  const { env } = await instance.listen()
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', env.AWS_EC2_METADATA_SERVICE_ENDPOINT)
  onTestFinished(() => {
    vi.unstubAllEnvs()
    clock.release()
  })
  expect(await fromInstanceRole()()).toMatchObject({ accessKeyId: instance.credentials?.accessKeyId })
  expect(instance.requests).toEqual(ONE_LOAD)
})
