// No test asks anybody but this machine, whatever it gets wrong: a request to elsewhere is refused, unless it is mocked.
import net from 'node:net'

const GUARDED = Symbol.for('loopback-only')
/** Names in `.test` are nobody's (RFC 6761). */
const LOOPBACK = /^(127\..*|localhost|\[?::1\]?|.*\.test)$/

// Files that run in one process are set up one after the other.
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
  // What does not go through `fetch`: the official provider, say.
  const connect: unknown = Reflect.get(net.Socket.prototype, 'connect')
  if (typeof connect !== 'function') throw new TypeError('sockets do not connect')
  Reflect.set(
    net.Socket.prototype,
    'connect',
    new Proxy(connect, {
      apply(original, socket: net.Socket, args: unknown[]): unknown {
        const host = hostOf(args)
        if (host === undefined || LOOPBACK.test(host)) return Reflect.apply(original, socket, args)
        // Later, as it happens on a network: whoever connects listens by then, and what is written waits.
        Reflect.set(socket, 'connecting', true)
        setImmediate(() => socket.destroy(notForTests(host)))
        return socket
      },
    }),
  )
}

/** Of the arguments of `connect`, or of those that `net.connect` has put in an array. */
function hostOf([first]: readonly unknown[]): string | undefined {
  const options: unknown = Array.isArray(first) ? first[0] : first
  if (typeof options !== 'object' || options === null || !('host' in options)) return undefined
  return typeof options.host === 'string' ? options.host : undefined
}

function notForTests(host: string): Error {
  return new Error(`${host} is not for tests`)
}
