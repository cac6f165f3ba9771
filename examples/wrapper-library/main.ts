import { emulateInstance } from '../../src/testing/index.js'
import { companyCredentials, NoCompanyCredentials } from './company-credentials.js'

await using instance = emulateInstance({ roleName: 'orders' })
const { endpoint } = await instance.listen()
const log = ({ level, text }: { level: string; text: string }) => console.log(`[${level}] ${text}`)

const credentials = companyCredentials({ log, instanceRole: { endpoint } })
const { expiration } = await credentials()
console.log('good until', expiration?.toISOString(), credentials.status())
await credentials.close()

const misled = companyCredentials({ role: 'billing', instanceRole: { endpoint } })
const failure = await misled().catch((error: unknown) => error)
if (failure instanceof NoCompanyCredentials) console.log(`${failure.reason}: ${failure.remedy}`)
await misled.close()
