// One call of a provider of the packed package, in whatever environment; says the error's code, or `none`.
import { fromInstanceRole } from 'instance-role'

const [endpoint] = process.argv.slice(2)
const code = await fromInstanceRole({ endpoint, isolated: true, retries: 0 })().then(
  () => 'none',
  (error) => error.code,
)
console.log(code)
