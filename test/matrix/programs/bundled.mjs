// What is bundled as an ES module: a load, with the config file read, and an error.
import { fromInstanceRole } from 'instance-role'

const [endpoint] = process.argv.slice(2)
const { accessKeyId } = await fromInstanceRole({ endpoint })()
const nobody = fromInstanceRole({ endpoint: 'http://127.0.0.1:59999', retries: 0 })
const code = await nobody().then(
  () => 'none',
  (error) => error.code,
)
console.log(JSON.stringify({ accessKeyId, code }))
