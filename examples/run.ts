// npm run example -- NAME … runs examples by name, and `all` runs every one.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

// On Node 20, the SDK prints a warning about the end of support.
const ENVIRONMENT = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' }

type Arguments = readonly string[]

/** A program that only needs an instance to run on. */
const onEc2 = (name: string): Arguments => ['--import', 'tsx', 'examples/run-on-ec2.ts', name]

const JEST: Arguments = ['node_modules/jest/bin/jest.js', '--config=examples/jest-commonjs/jest.config.js']

const VITEST: Arguments = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--root=examples/vitest-msw',
  '--reporter=tree',
]

const EXAMPLES: ReadonlyMap<string, Arguments> = new Map([
  ['s3', onEc2('s3')],
  ['dynamodb', onEc2('dynamodb')],
  ['ssm-parameter-store', onEc2('ssm-parameter-store')],
  ['presigned-url', onEc2('presigned-url')],
  ['rds-iam', onEc2('rds-iam')],
  ['bedrock', onEc2('bedrock')],
  ['fastify', onEc2('fastify')],
  ['opentelemetry', onEc2('opentelemetry')],
  ['wrapper-library', onEc2('wrapper-library')],
  ['jest-commonjs', JEST],
  ['vitest-msw', VITEST],
])

function run(name: string): boolean {
  const command = EXAMPLES.get(name)
  console.log(`\n# ${name}\n`)
  if (command === undefined) return false
  if (command === JEST) buildWhatJestLoads()
  return spawnSync(process.execPath, command, { cwd: ROOT, env: ENVIRONMENT, stdio: 'inherit' }).status === 0
}

/** Jest loads the CommonJS build of the package, so it must exist. The other examples use the source. */
function buildWhatJestLoads(): void {
  if (existsSync(`${ROOT}/dist/index.cjs`)) return
  spawnSync('npm run --silent build', { cwd: ROOT, stdio: 'inherit', shell: true })
}

const asked = process.argv.slice(2)
const names = asked.includes('all') ? [...EXAMPLES.keys()] : asked
const failed = names.filter((name) => !run(name))
if (failed.length > 0) console.error(`\nfailed, or not there: ${failed.join(', ')}`)
if (failed.length > 0) process.exitCode = 1
if (names.length === 0) console.log(`npm run example -- ${[...EXAMPLES.keys(), 'all'].join(' | ')}`)
