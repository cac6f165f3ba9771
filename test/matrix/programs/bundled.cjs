// As bundled.mjs, in CommonJS.
const { fromInstanceRole } = require('instance-role')

async function main() {
  const [endpoint] = process.argv.slice(2)
  const { accessKeyId } = await fromInstanceRole({ endpoint })()
  const nobody = fromInstanceRole({ endpoint: 'http://127.0.0.1:59999', retries: 0 })
  const code = await nobody().then(
    () => 'none',
    (error) => error.code,
  )
  console.log(JSON.stringify({ accessKeyId, code }))
}

main()
