// Preloaded: refuses every connection that leaves this machine, and writes down whose it was.
const { appendFileSync } = require('node:fs')
const net = require('node:net')

const LOOPBACK = /^(127\..*|localhost|\[?::1\]?)$/
const { connect } = net.Socket.prototype

net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args
  const host = typeof options === 'object' && options !== null && !options.path ? options.host : undefined
  if (host === undefined || LOOPBACK.test(host)) return connect.apply(this, args)
  appendFileSync(process.env.REFUSED_HOSTS, `${host}\n`)
  throw new Error(`${host} is not on this machine`)
}
