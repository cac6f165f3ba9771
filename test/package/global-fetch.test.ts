import { expect, test } from 'vitest'
import { FIRST_LOAD } from '../setup.js'
import { listeningInstance, outputOf } from './child.js'

const FETCHES: readonly { readonly what: string; readonly setUp: string }[] = [
  { what: 'is missing', setUp: 'delete globalThis.fetch' },
  { what: 'throws', setUp: `globalThis.fetch = () => { called += 1; throw new Error('not for you') }` },
  {
    what: 'cannot be replaced',
    setUp: `Object.defineProperty(globalThis, 'fetch', {
      value: Object.freeze(() => { called += 1 }), writable: false, configurable: false })`,
  },
  {
    what: 'is that of node-fetch, whose body is a stream of Node',
    setUp: `globalThis.fetch = async (url, options = {}) => {
      called += 1
      const http = await import('node:http')
      const response = await new Promise((resolve, reject) =>
        http.request(url, options).on('response', resolve).on('error', reject).end())
      return { status: response.statusCode, headers: new Headers(response.headers), body: response }
    }`,
  },
  {
    what: 'keeps its answers, as that of Next.js does',
    setUp: `const kept = new Map()
      const original = fetch
      globalThis.fetch = async (...args) => {
        called += 1
        const answer = kept.get(args[0]) ?? await original(...args)
        kept.set(args[0], answer.clone())
        return answer
      }`,
  },
  {
    what: 'must not even be looked at',
    setUp: `Object.defineProperty(globalThis, 'fetch', { get() { called += 1 } })`,
  },
]

test.each(FETCHES)(
  'loads and refreshes if the global fetch $what, and does not use it',
  async ({ setUp }) => {
    const { instance, server } = await listeningInstance()
    const source = `
    import { fromInstanceRole } from 'instance-role'
    let called = 0
    ${setUp}
    const provider = fromInstanceRole()
    const first = await provider()
    const second = await provider({ forceRefresh: true })
    console.log(JSON.stringify({ keys: [first.accessKeyId, second.accessKeyId], called }))`
    const key = instance.credentials?.accessKeyId
    expect(await outputOf({ source, format: 'mjs', env: server.env })).toEqual({
      keys: [key, key],
      called: 0,
    })
    expect(instance.requests).toEqual([...FIRST_LOAD, FIRST_LOAD[2]])
  },
)
