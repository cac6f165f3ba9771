// Tests connect only to this machine. Any other request is refused unless it is mocked.
import { LOOPBACK, notForTests } from './loopback-sockets.cjs'

const GUARDED = Symbol.for('loopback-only')

// Test files that share a process run this set-up one after the other.
if (!(GUARDED in globalThis)) {
  Object.defineProperty(globalThis, GUARDED, { value: true })
  globalThis.fetch = new Proxy(globalThis.fetch, {
    apply(fetch, self, args: [string | URL | Request, ...unknown[]]): unknown {
      const [input] = args
      const { hostname } = new URL(input instanceof Request ? input.url : input)
      if (LOOPBACK.test(hostname)) return Reflect.apply(fetch, self, args)
      return Promise.reject(new TypeError('fetch failed', { cause: notForTests(hostname) }))
    },
  })
}
