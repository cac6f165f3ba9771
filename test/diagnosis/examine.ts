import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv } from 'ajv'
import { onTestFinished } from 'vitest'
import type { Finding } from '../../src/diagnosis/findings.js'
import { probe, type ProbeOptions } from '../../src/diagnosis/probe.js'
import { createReport, type Report } from '../../src/diagnosis/report.js'
import { httpTransport } from '../../src/imds/http-transport.js'
import { systemRuntime } from '../../src/runtime/runtime.js'
import {
  type EmulatedInstance,
  emulateInstance,
  type InstanceOptions,
  type LoopbackServer,
} from '../../src/testing/index.js'

/** Short time limits for responses that never come. */
export const QUICK = { AWS_METADATA_SERVICE_TIMEOUT: '0.2', AWS_METADATA_SERVICE_NUM_ATTEMPTS: '1' }

/** An instance that may have a problem. */
export interface Scenario {
  readonly options?: InstanceOptions
  readonly make?: (instance: EmulatedInstance) => unknown
}

/** The surroundings of the doctor in this process. */
export interface Patient extends Scenario {
  readonly env?: Readonly<Record<string, string>>
  /** The default profile's keys in `~/.aws/credentials`. */
  readonly keysInFile?: Readonly<Record<string, string>>
}

const HOUR = 3_600_000

/** The instance, on a real port; launched an hour ago unless it has a clock of its own. */
export async function startInstance({ options, make }: Scenario) {
  const instance = emulateInstance({ clock: clockSince(HOUR), ...options })
  onTestFinished(() => instance.close())
  make?.(instance)
  const { env }: LoopbackServer = await instance.listen()
  return { instance, env }
}

/** Examines a real loopback instance from this process, as `instance-role doctor` does from its own. */
export async function examine({ env = {}, keysInFile = {}, ...scenario }: Patient = {}) {
  const { instance, env: exported } = await startInstance(scenario)
  const report = await reportFrom({ env: { ...exported, ...env }, keysInFile })
  assertReport(JSON.parse(JSON.stringify(report)))
  return { instance, report, ...findingsOf(report) }
}

const ignoreSlow: ProbeOptions['onSlow'] = () => {}

/** Returns the doctor's report about the IMDS behind `transport`. */
export async function reportFrom({
  transport = httpTransport(systemRuntime),
  env = {},
  keysInFile = {},
  firmwareInstanceId = undefined as string | undefined,
  onSlow = ignoreSlow,
} = {}): Promise<Report> {
  const facts = await probe({
    runtime: systemRuntime,
    transport,
    profile: 'default',
    sources: { env, loadProfile: () => Promise.resolve({ name: 'default', keys: keysInFile }) },
    loadFiles: () => Promise.resolve({ configFile: {}, credentialsFile: { default: keysInFile } }),
    readFirmwareInstanceId: () => Promise.resolve(firmwareInstanceId),
    readDefaultChain: () => undefined,
    // These tests do not check whether this machine is busy.
    watchEventLoop: () => () => 0,
    onSlow,
  })
  return createReport(facts)
}

export function findingsOf({ findings }: Report): { finding: (check: string) => Finding | undefined } {
  return { finding: (check) => findings.find((one) => one.check === check) }
}

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

/** Checks the report against the documented schema. */
export function assertReport(value: unknown): asserts value is Report {
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
