import http, { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, inject, onTestFinished, test } from 'vitest'
import { FIRST_LOAD } from '../setup.js'
import { listeningInstance, outputOf, type Program } from './child.js'

/** A proxy that records what it is asked for, and refuses it. */
async function recordingProxy() {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${String(request.method)} ${String(request.url)}`)
    response.writeHead(502).end()
  })
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${String(request.url)}`)
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { asked, url: `http://127.0.0.1:${port}` }
}

function proxyEnv(url: string): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']
  return Object.fromEntries(names.map((name) => [name, url]))
}

const LOAD = {
  mjs: `
    import { createRequire } from 'node:module'
    import { fromInstanceRole } from 'instance-role'
    const require = createRequire(import.meta.url)`,
  cjs: `const { fromInstanceRole } = require('instance-role')`,
}

/** Nobody listens there: only a proxy can see it. */
const APPLICATION = 'http://127.0.0.1:65001/app'
const REQUEST = `await new Promise((resolve) => http.get('${APPLICATION}')
  .on('response', (response) => response.resume().on('end', resolve)).on('error', resolve))`
const FETCH = `await fetch('${APPLICATION}').catch(() => {})`

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const HAS_PROXY_ENV = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21)
const HAS_GLOBAL_PROXY = 'setGlobalProxyFromEnv' in http

interface Proxying {
  readonly what: string
  /** Whether this Node has it. */
  readonly exists?: boolean
  /** Puts it in force, and makes a request of the application's own, which goes to the proxy. */
  readonly setUp: string
  readonly env?: (url: string) => Record<string, string>
}

const PROXYINGS: readonly Proxying[] = [
  {
    what: 'NODE_USE_ENV_PROXY=1',
    exists: HAS_PROXY_ENV,
    setUp: REQUEST,
    env: (url) => ({ ...proxyEnv(url), NODE_USE_ENV_PROXY: '1' }),
  },
  {
    what: 'http.setGlobalProxyFromEnv',
    exists: HAS_GLOBAL_PROXY,
    setUp: `http.setGlobalProxyFromEnv({ http_proxy: process.env.PROXY, https_proxy: process.env.PROXY })
      ${REQUEST}`,
  },
  {
    what: 'an http.globalAgent with proxyEnv',
    exists: HAS_PROXY_ENV,
    setUp: `http.globalAgent = new http.Agent({ proxyEnv: { HTTP_PROXY: process.env.PROXY } })
      ${REQUEST}`,
  },
  {
    what: 'an http.globalAgent that connects elsewhere',
    setUp: `const { hostname: host, port } = new URL(process.env.PROXY)
      const connect = http.globalAgent.createConnection
      http.globalAgent.createConnection = (options, done) =>
        connect.call(http.globalAgent, { ...options, host, port }, done)
      ${REQUEST}`,
  },
  {
    what: 'the package global-agent',
    setUp: `require('global-agent/bootstrap.js')
      ${REQUEST}`,
    env: (url) => ({ GLOBAL_AGENT_HTTP_PROXY: url }),
  },
  {
    what: 'a global dispatcher of undici',
    setUp: `const undici = require('undici')
      undici.setGlobalDispatcher(new undici.EnvHttpProxyAgent())
      ${FETCH}`,
    env: proxyEnv,
  },
]

const FORMATS: readonly Program['format'][] = ['mjs', 'cjs']
const onBoth = PROXYINGS.flatMap((row) => FORMATS.map((format) => ({ ...row, format })))

async function load(format: Program['format'], setUp: string, env: Record<string, string>, url: string) {
  const { instance, server } = await listeningInstance()
  const source = `${LOAD[format]}
    const http = require('node:http')
    async function main() {
      ${setUp}
      return (await fromInstanceRole()()).accessKeyId
    }
    main().then((key) => console.log(JSON.stringify(key)))`
  const accessKeyId = await outputOf({
    ...{ source, format, project: inject('toolProject') },
    env: { ...server.env, PROXY: url, ...env },
  })
  expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(instance.requests).toEqual(FIRST_LOAD)
}

for (const { exists = true, ...row } of onBoth)
  test.skipIf(!exists)(
    `asks IMDS directly with ${row.what}, which proxies the application's own request, from .${row.format}`,
    async () => {
      const { asked, url } = await recordingProxy()
      await load(row.format, row.setUp, row.env?.(url) ?? {}, url)
      expect(asked).toHaveLength(1)
      expect(asked[0]).toMatch(/127\.0\.0\.1:65001|^GET \/app$/)
    },
  )

test.each(FORMATS)('uses no proxy that the environment names, from .%s', async (format) => {
  const { asked, url } = await recordingProxy()
  await load(format, '', { ...proxyEnv(url), NODE_USE_ENV_PROXY: '1' }, url)
  expect(asked).toEqual([])
})
