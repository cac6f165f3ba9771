// Runs the main.ts of an example on an emulated instance, and prints the requests to IMDS and to AWS.
import { describeTraffic, isAllAccepted, moveToEmulatedEc2 } from './emulated-ec2.js'

const [name = ''] = process.argv.slice(2)
const leave = moveToEmulatedEc2()
await import(new URL(`${name}/main.ts`, import.meta.url).href)
console.log(`\n${describeTraffic().join('\n')}`)
if (!isAllAccepted()) process.exitCode = 1
leave()
