import http from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { httpTransport } from '../../src/imds/http-transport.js'
import type { Outcome } from '../../src/imds/transport.js'
import { systemRuntime } from '../../src/runtime/runtime.js'
import { head, serveRaw } from '../raw-server.js'

// Only what is special about node:http. transport.test.ts tests what every transport does.

function send(endpoint: string): Promise<Outcome> {
  const { signal } = new AbortController()
  const exchange = { method: 'GET', url: `${endpoint}/latest/`, headers: {}, timeoutMs: 2_000 } as const
  return httpTransport(systemRuntime)(exchange, signal)
}

/** Replaces a member of `http` until the test is over, as a mock, an agent or another runtime may do. */
function replaceClientRequest(replacement: unknown): void {
  const original = http.ClientRequest
  Reflect.set(http, 'ClientRequest', replacement)
  onTestFinished(() => void Reflect.set(http, 'ClientRequest', original))
}

function replaceRequest(replacement: unknown): void {
  const original = http.request
  Reflect.set(http, 'request', replacement)
  onTestFinished(() => void Reflect.set(http, 'request', original))
}

test('bypasses tools that replace http.request', async () => {
  await using server = await serveRaw((socket) => socket.end(`${head()}ok`))
  replaceRequest(() => {
    throw new Error('seen')
  })
  expect(await send(server.endpoint)).toMatchObject({ kind: 'answer', status: 200 })
})

test('uses http.request if ClientRequest is not a function', async () => {
  await using server = await serveRaw((socket) => socket.end(`${head()}ok`))
  const { request } = http
  const asked: unknown[] = []
  replaceClientRequest(undefined)
  replaceRequest((options: http.RequestOptions) => {
    asked.push(options.path)
    return request(options)
  })
  expect(await send(server.endpoint)).toMatchObject({ kind: 'answer', bytes: Buffer.from('ok') })
  expect(asked).toEqual(['/latest/'])
})

test('treats an exception of http as an outcome', async () => {
  replaceClientRequest(function refuse() {
    throw Object.assign(new TypeError('no'), { code: 'ERR_INVALID_ARG_TYPE' })
  })
  expect(await send('http://127.0.0.1:1')).toMatchObject({ kind: 'unreachable', timedOut: false })
})

test('closes the connection if a request cannot be ended', async () => {
  await using server = await serveRaw(() => {})
  const requests: http.ClientRequest[] = []
  class Unending extends http.ClientRequest {
    override end(): this {
      requests.push(this)
      throw new Error('no end')
    }
  }
  replaceClientRequest(Unending)
  expect((await send(server.endpoint)).kind).toMatch(/^(unreachable|broken)$/)
  expect(requests.map(({ destroyed }) => destroyed)).toEqual([true])
})

test.each([['Upgrade: h2c', 'Connection: Upgrade'], []])(
  'closes the connection of a server that has upgraded it (%s %s)',
  async (...fields) => {
    let close: (() => void) | undefined
    const closed = new Promise<void>((resolve) => (close = resolve))
    await using server = await serveRaw((socket) => {
      socket.once('close', () => close?.())
      socket.write(['HTTP/1.1 101 Switching Protocols', ...fields, '', ''].join('\r\n'))
    })
    expect((await send(server.endpoint)).kind).toBe('broken')
    await closed
  },
)
