// Runs in a CommonJS application that has installed the packed package; says what it saw as one line of JSON.
const { fromInstanceRole } = require('instance-role')
const { emulateInstance } = require('instance-role/testing')

async function main() {
  const instance = emulateInstance()
  const { endpoint } = await instance.listen()
  const credentials = fromInstanceRole({ endpoint })
  const first = await credentials()
  instance.rotate()
  const refreshed = await credentials({ forceRefresh: true })
  const seen = {
    version: process.version,
    loads: first.accessKeyId !== refreshed.accessKeyId,
    refreshes: refreshed.accessKeyId === instance.credentials.accessKeyId,
  }
  await instance.close()
  console.log(JSON.stringify(seen))
}

main()
