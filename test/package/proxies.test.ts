import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { FIRST_LOAD } from '../setup.js'
import { listeningInstance, outputOf, type Program } from './child.js'

/** A proxy that notes what it is asked for, and does nothing else. */
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
  return { ...Object.fromEntries(names.map((name) => [name, url])), NODE_USE_ENV_PROXY: '1' }
}

const LOAD = {
  mjs: `import { fromInstanceRole } from 'instance-role'
    import undici from 'undici'
    console.log(JSON.stringify(await main()))`,
  cjs: `const { fromInstanceRole } = require('instance-role')
    const undici = require('undici')
    main().then((key) => console.log(JSON.stringify(key)))`,
}
const CALL = 'return (await fromInstanceRole()()).accessKeyId'

test.each<[Program['format']]>([['mjs'], ['cjs']])(
  'asks no proxy that the environment names, from .%s',
  async (format) => {
    const { instance, server } = await listeningInstance()
    const { asked, url } = await recordingProxy()
    const source = `${LOAD[format]}\nasync function main() { ${CALL} }`
    const env = { ...server.env, ...proxyEnv(url) }
    expect(await outputOf({ source, format, env })).toBe(instance.credentials?.accessKeyId)
    expect(instance.requests).toEqual(FIRST_LOAD)
    expect(asked).toEqual([])
  },
)

test.each<[Program['format']]>([['mjs'], ['cjs']])(
  'asks no proxy that the application set for its own requests, from .%s',
  async (format) => {
    const { instance, server } = await listeningInstance()
    const { asked, url } = await recordingProxy()
    // The application's own request shows that the proxy is in force.
    const source = `${LOAD[format]}
      async function main() {
        undici.setGlobalDispatcher(new undici.EnvHttpProxyAgent())
        await fetch('http://127.0.0.1:65001/app').catch(() => {})
        ${CALL}
      }`
    const env = { ...server.env, ...proxyEnv(url) }
    expect(await outputOf({ source, format, env })).toBe(instance.credentials?.accessKeyId)
    expect(instance.requests).toEqual(FIRST_LOAD)
    expect(asked).toHaveLength(1)
    expect(asked[0]).toContain('127.0.0.1:65001')
  },
)
