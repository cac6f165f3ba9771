// Random lives for as many minutes as wanted: `npm run soak -- --minutes 10`. A life that breaks a promise is printed with the
// command that plays it again.
import { createProvider } from '../../src/provider/from-instance-role.js'
import { createRegistry } from '../../src/credentials/shared-sources.js'
import { parseSoakOptions, runSoak } from './run-soak.js'

const options = parseSoakOptions(process.argv.slice(2), process.env)
const print = (line: string): void => void process.stdout.write(`${line}\n`)
process.exitCode = await runSoak({ createProvider, createRegistry }, options, print)
