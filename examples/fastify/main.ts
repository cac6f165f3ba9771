import { startVerifyingAwsEndpoint } from '../../test/sdk/verifying-aws-endpoint.js'
import { emulateInstance } from '../../src/testing/index.js'
import { createApp } from './app.js'

await using instance = emulateInstance()
const { endpoint: imdsEndpoint } = await instance.listen()
const aws = await startVerifyingAwsEndpoint({ findCredentials: (key) => instance.findCredentials(key) })
const app = createApp({ region: 'eu-central-1', imdsEndpoint, stsEndpoint: aws.url })
const url = await app.listen({ host: '127.0.0.1', port: 0 })

for (const path of ['/health', '/whoami']) {
  const response = await fetch(url + path)
  console.log(path, response.status, await response.json())
}
await app.close()
await aws.close()
