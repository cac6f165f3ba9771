// Prints when its last line ran: after one call of the packed package, or, without an endpoint, after nothing.
const [endpoint] = process.argv.slice(2)
if (endpoint !== undefined) {
  const { fromInstanceRole } = await import('instance-role')
  await fromInstanceRole({ endpoint })()
}
console.log(performance.timeOrigin + performance.now())
