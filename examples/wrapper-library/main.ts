import { companyCredentials, NoCompanyCredentials } from './company-credentials.js'

const log = ({ level, text }: { level: string; text: string }) => console.log(`[${level}] ${text}`)

const credentials = companyCredentials({ log })
await credentials()
console.log(`on role ${credentials.status().roleName ?? 'none'}`)
await credentials.close()

const misconfigured = companyCredentials({ role: 'billing' })
const failure = await misconfigured().catch((error: unknown) => error)
if (failure instanceof NoCompanyCredentials) console.log(`${failure.reason}: ${failure.remedy}`)
await misconfigured.close()
