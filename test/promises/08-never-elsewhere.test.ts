import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import { emulateInstance, type Step } from '../../src/testing/index.js'

// Proxies set by Node itself and by a global dispatcher are tried with the packed package, in test/package.

const bystander = { seen: [] as string[], server: http.createServer(), url: '' }

beforeEach(async () => {
  bystander.seen = []
  bystander.server = http.createServer((request, response) => {
    bystander.seen.push(`${request.method ?? ''} ${request.url ?? ''} ${JSON.stringify(request.headers)}`)
    response.end('{}')
  })
  await new Promise<void>((resolve) => bystander.server.listen(0, '127.0.0.1', resolve))
  const { port } = bystander.server.address() as AddressInfo
  bystander.url = `http://127.0.0.1:${port}`
})

afterEach(async () => {
  vi.unstubAllEnvs()
  bystander.server.closeAllConnections()
  await new Promise((resolve) => bystander.server.close(resolve))
})

test.each<Step>(['token', 'role', 'credentials'])(
  'never follows a redirect of the %s request',
  async (step) => {
    await using instance = emulateInstance()
    const { endpoint } = await instance.listen()
    instance.failUntilLifted(step, { redirectTo: `${bystander.url}/elsewhere` })
    await using provider = fromInstanceRole({ endpoint, isolated: true })
    await expect(provider()).rejects.toMatchObject({ code: 'UNEXPECTED_STATUS', statusCode: 302, step })
    expect(bystander.seen).toEqual([])
  },
)

test('never uses a proxy that the environment names', async () => {
  for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY']) vi.stubEnv(name, bystander.url)
  await using instance = emulateInstance()
  const { endpoint } = await instance.listen()
  await using provider = fromInstanceRole({ endpoint, isolated: true })
  await expect(provider()).resolves.toMatchObject({ accessKeyId: instance.credentials?.accessKeyId })
  expect(bystander.seen).toEqual([])
})

test.each<Step>(['token', 'role', 'credentials'])(
  'never reads more than 64 KiB of the %s response',
  async (step) => {
    await using instance = emulateInstance()
    const { endpoint } = await instance.listen()
    instance.failUntilLifted(step, 'oversized')
    await using provider = fromInstanceRole({ endpoint, isolated: true, retries: 0 })
    await expect(provider()).rejects.toMatchObject({
      code: 'BAD_RESPONSE',
      step,
      message: expect.stringContaining('64 KiB') as string,
    })
  },
)
