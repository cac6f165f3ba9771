// The same for SDK v2, whose chain keeps credentials until 15 s before they expire.
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1'
const { setTimeout: sleep } = require('node:timers/promises')
const AWS = require('aws-sdk')

const [seconds = '0'] = process.argv.slice(2)
const seen = { keys: new Set(), calls: 0, failures: [], endedWell: false }
const until = Date.now() + Number(seconds) * 1000

function ask(client) {
  return new Promise((resolve) => {
    client.config.getCredentials((error, credentials) => {
      seen.calls += 1
      seen.endedWell = !error
      if (error) seen.failures.push(`${error.code}: ${error.message}`)
      else seen.keys.add(credentials.accessKeyId)
      resolve()
    })
  })
}

async function main() {
  const clients = Array.from({ length: 10 }, () => new AWS.STS({ region: 'eu-central-1' }))
  do {
    await Promise.all(clients.map(ask))
    if (Date.now() < until) await sleep(250)
  } while (Date.now() < until)
  console.log(JSON.stringify({ ...seen, keys: [...seen.keys] }))
}

void main()
