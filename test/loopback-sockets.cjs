// Sockets connect to this machine only. Preloaded in child processes as well, which is why it is CommonJS: Node 20 runs it as it is.
const net = require('node:net')
const { setImmediate } = require('node:timers')

/** Names in `.test` are nobody's (RFC 6761). */
const LOOPBACK = /^(127\..*|localhost|\[?::1\]?|.*\.test)$/

function notForTests(host) {
  return new Error(`${host} is not for tests`)
}

/** Of the arguments of `connect`, or of those that `net.connect` has put in an array. */
function hostOf([first]) {
  const options = Array.isArray(first) ? first[0] : first
  if (typeof options !== 'object' || options === null) return undefined
  return typeof options.host === 'string' ? options.host : undefined
}

const GUARDED = Symbol.for('loopback-sockets')
const { connect } = net.Socket.prototype

// Files of tests that run in one process each load this.
if (!(GUARDED in connect)) {
  net.Socket.prototype.connect = Object.assign(
    function (...args) {
      const host = hostOf(args)
      if (host === undefined || LOOPBACK.test(host)) return connect.apply(this, args)
      // Later, as it happens on a network: whoever connects listens by then, and what is written waits.
      this.connecting = true
      setImmediate(() => this.destroy(notForTests(host)))
      return this
    },
    { [GUARDED]: true },
  )
}

module.exports = { LOOPBACK, notForTests }
