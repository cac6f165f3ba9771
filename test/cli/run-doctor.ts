import { createServer } from 'node:net'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv } from 'ajv'
import { onTestFinished } from 'vitest'
import type { Report } from '../../src/diagnosis/report.js'
import { type EmulatedInstance, emulateInstance, type InstanceOptions } from '../../src/testing/index.js'
import { runCli } from './run-cli.js'

/** No waiting for what never comes. */
export const QUICK = { AWS_METADATA_SERVICE_TIMEOUT: '0.2', AWS_METADATA_SERVICE_NUM_ATTEMPTS: '1' }

export interface Scenario {
  readonly options?: InstanceOptions
  readonly make?: (instance: EmulatedInstance) => unknown
  readonly env?: Readonly<Record<string, string>>
}

/** Runs the built doctor against a real loopback instance on which something may be wrong. */
export async function runDoctor({ options, make, env }: Scenario = {}, args: readonly string[] = []) {
  const instance = emulateInstance({ clock: clockSince(HOUR), ...options })
  onTestFinished(() => instance.close())
  make?.(instance)
  const server = await instance.listen()
  const run = await runCli(['doctor', ...args], { env: { ...server.env, ...env } })
  return { ...run, instance }
}

/** The same, for machines; checked against the documented schema. */
export async function runDoctorJson(scenario: Scenario = {}, args: readonly string[] = []) {
  const run = await runDoctor(scenario, ['--json', ...args])
  const report: unknown = JSON.parse(run.stdout)
  assertReport(report)
  return { ...run, report, finding: (check: string) => report.findings.find((one) => one.check === check) }
}

const HOUR = 3_600_000

/** The instance was launched, and its first credentials were issued, so long ago; otherwise the system's time. */
export function clockSince(agoMs: number) {
  let isLaunched = false
  setImmediate(() => (isLaunched = true))
  return {
    now: () => Date.now() - (isLaunched ? 0 : agoMs),
    sleep: (delayMs: number, signal?: AbortSignal) =>
      sleep(delayMs, undefined, signal ? { signal, ref: false } : { ref: false }).catch(() => {}),
  }
}

const schema = JSON.parse(
  readFileSync(new URL('../../docs/doctor.schema.json', import.meta.url), 'utf8'),
) as object
const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile<Report>(schema)

function assertReport(value: unknown): asserts value is Report {
  if (!validate(value)) throw new Error(JSON.stringify(validate.errors))
}

/** An address of this machine at which nobody listens. */
export async function closedEndpoint(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 9}`
}

/** What differs from run to run, by its name. */
export function normalized(output: string): string {
  return onIdleMachine(output)
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replace(/within \d+ ms\.$/gm, 'within <latency>.')
    .replace(/another \d+ h \d+ min/g, 'another <time>')
    .replace(/--instance-id i-[0-9a-f]+/g, '--instance-id <instance-id>')
}

/** A machine that has too much to do shows in the report, as it should; that is not what these tests are about. */
function onIdleMachine(output: string): string {
  const busy = /^warning( +event-loop: ).*\n.*\n.*\n/m
  if (!busy.test(output)) return output
  return output
    .replace(busy, 'ok     $1The event loop of this process ran freely.\n')
    .replace(', with 1 warning.', '.')
    .replace('with 2 warnings.', 'with 1 warning.')
}

/** A home folder with access keys in `~/.aws/credentials`. */
export function homeWithKeys(): { HOME: string; AWS_SHARED_CREDENTIALS_FILE: string } {
  const home = mkdtempSync(join(tmpdir(), 'doctor-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  mkdirSync(join(home, '.aws'))
  const keys = 'aws_access_key_id = STATICKEYID\naws_secret_access_key = static-secret\n'
  writeFileSync(join(home, '.aws/credentials'), `[default]\n${keys}[other]\n${keys}`)
  return { HOME: home, AWS_SHARED_CREDENTIALS_FILE: '' }
}
