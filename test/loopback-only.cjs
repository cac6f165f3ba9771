// Preloaded in processes that mock IMDS at the address of every instance: where the mock fails, nothing leaves this machine.
const net = require('node:net')
const { setImmediate } = require('node:timers')

const { connect } = net.Socket.prototype
net.Socket.prototype.connect = function (...args) {
  const [first] = Array.isArray(args[0]) ? args[0] : args
  const host =
    typeof first === 'object' && first !== null && !first.path ? (first.host ?? 'localhost') : 'localhost'
  if (/^(127\.|localhost$|::1$)/.test(host)) return connect.apply(this, args)
  this.connecting = true
  setImmediate(() => this.destroy(new Error(`A test connects to ${host}`)))
  return this
}
