import { instance } from '../emulated-ec2.js'
import { createApp } from './app.js'

const app = createApp()
const url = await app.listen({ host: '127.0.0.1', port: 0 })

async function show(path: string): Promise<void> {
  const response = await fetch(url + path)
  console.log(path, response.status, await response.json())
}

console.log('-- the instance has booted, and its role has not appeared yet')
instance.disassociateProfile()
await show('/health')

console.log('-- the role is there')
instance.attachRole('app-role')
await show('/health')
await show('/whoami')

console.log('-- IMDS is down, and a refresh fails')
instance.failUntilLifted('all', { status: 503 })
await app.credentials({ forceRefresh: true })
await show('/health')
await show('/whoami')

await app.close()
