// `instance-role exec` and `serve` from outside: the packed command, SDKs that take container credentials, and an emulated instance.
import { setTimeout as sleep } from 'node:timers/promises'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'
import type { Check } from './check.js'
import { type Command, outputOf, runCommand } from './child-process.js'
import { type ContainerClient, type ContainerSdk, projectOf, SDKS, versionOf } from './container-clients.js'
import { withInstance } from './controlled-instance.js'
import { requireSeen } from './expectation.js'
import { proveOtherUser } from './other-user.js'
import { clientEnvironment, cliOf, type RunningServer, startAgain, startServer } from './running-server.js'
import {
  proveFlood,
  proveHardened,
  proveLoad,
  proveOddRequests,
  proveSlowClients,
} from './server-under-stress.js'
import type { Workbench } from './workbench.js'

const SECTION = 'many-processes'

/** Every SDK in every situation, and the server by itself. */
export function manyProcessesChecks(workbench: Workbench): Check[] {
  const check = (subject: string, prove: () => Promise<string>): Check => ({
    section: SECTION,
    subject,
    prove,
  })
  const withServer = (prove: (server: RunningServer) => Promise<string>) => () =>
    proveOnServer(workbench, prove)
  const ofSdks = SDKS.flatMap((sdk) => [
    check(`${sdk.name}: renewals and an outage`, () => proveLife(workbench, sdk)),
    check(`${sdk.name}: the server is killed and started again`, () => proveRestart(workbench, sdk)),
    check(`${sdk.name}: three processes of ten clients`, () => proveOneLoad(workbench, sdk)),
  ])
  const ofTelling = SDKS.filter(({ tells }) => tells !== 'nowhere').map((sdk) =>
    check(`${sdk.name}: a wrong trust policy`, () => proveMessage(workbench, sdk)),
  )
  return [
    ...ofSdks,
    ...ofTelling,
    check('AWS CLI', () => proveAwsCli(workbench)),
    check('load', withServer(proveLoad)),
    check('odd requests', withServer(proveOddRequests)),
    check('slow clients', withServer(proveSlowClients)),
    check('flood', () => withListening({}, async ({ env }) => proveFlood(await projectOf(workbench), env))),
    check('another user', () =>
      withListening({}, async ({ env }) => proveOtherUser({ project: await projectOf(workbench), env })),
    ),
    check('MemoryDenyWriteExecute', () =>
      withListening({}, async ({ env }) => proveHardened(await projectOf(workbench), env)),
    ),
  ]
}

interface Listening {
  readonly instance: EmulatedInstance
  readonly env: Readonly<Record<string, string>>
}

async function withListening<T>(
  options: Parameters<typeof emulateInstance>[0],
  use: (listening: Listening) => Promise<T>,
): Promise<T> {
  await using instance = emulateInstance(options)
  const { env } = await instance.listen()
  return await use({ instance, env })
}

async function proveOnServer(
  workbench: Workbench,
  prove: (server: RunningServer) => Promise<string>,
): Promise<string> {
  const project = await projectOf(workbench)
  return withListening({}, async ({ env }) => {
    const server = await startServer({ project, env })
    try {
      return await prove(server)
    } finally {
      await server.kill()
    }
  })
}

/** What a program of ten clients saw. */
interface Seen {
  readonly keys: readonly string[]
  readonly calls: number
  readonly failures: readonly string[]
  readonly endedWell: boolean
  /** The error of the SDK's own provider, if the chain does not pass it on. */
  readonly told?: string
}

function execute(
  project: string,
  env: Readonly<Record<string, string>>,
  command: readonly string[],
): Command {
  return { executable: process.execPath, args: [cliOf(project), 'exec', '--', ...command], cwd: project, env }
}

async function runClients(command: Command): Promise<Seen> {
  return JSON.parse(await outputOf(command)) as Seen
}

function words({ name, version }: ContainerClient): string {
  return `${name} ${version}`
}

/** Credentials of 12 s; IMDS has new ones every 2 s. */
const SHORT_LIFE = { lifetimeMs: 12_000, renewEveryMs: 2_000 }

/** 12 s without IMDS from the ninth second on: credentials are renewed before, and extended during that time. */
async function proveLife(workbench: Workbench, sdk: ContainerSdk): Promise<string> {
  const client = await sdk.prepare(workbench)
  const project = await projectOf(workbench)
  return withListening(SHORT_LIFE, async ({ instance, env }) => {
    const running = runClients(execute(project, env, [...client.command, '27']))
    while (instance.requests.length < 3) await sleep(50)
    await sleep(9_000)
    instance.failUntilLifted('all', { status: 500 })
    await sleep(12_000)
    instance.clearFaults()
    const { keys, calls, failures } = await running
    const failed = instance.requests.filter((entry) => entry.endsWith(' 500')).length
    requireSeen(
      { failures: failures.length, rotated: keys.length >= 2, hadAnOutage: failed > 0, first: failures[0] },
      { failures: 0, rotated: true, hadAnOutage: true },
    )
    return `${words(client)}: ${calls} calls, ${keys.length} sets, ${failed} failed requests to IMDS, no failed call`
  })
}

const FIX = 'aws iam update-assume-role-policy'

/** The caller's error contains the command that fixes it. */
async function proveMessage(workbench: Workbench, sdk: ContainerSdk): Promise<string> {
  const client = await sdk.prepare(workbench)
  const project = await projectOf(workbench)
  return withListening({}, async ({ instance, env }) => {
    instance.failUntilLifted('credentials', { code: 'AssumeRoleUnauthorizedAccess' })
    const { failures, told = '' } = await runClients(execute(project, env, [...client.command, '0']))
    const texts = sdk.tells === 'error' ? failures : [told]
    const isTold = texts.every((text) => text.includes(FIX))
    requireSeen({ failures: failures.length, isTold }, { failures: 10, isTold: true })
    return `${words(client)}: in the error of ${sdk.tells === 'error' ? 'each call' : 'fromHttp, not of the chain'}`
  })
}

/** Killed for three seconds: the clients succeed in the end, and the report says what failed in between. */
async function proveRestart(workbench: Workbench, sdk: ContainerSdk): Promise<string> {
  const client = await sdk.prepare(workbench)
  const project = await projectOf(workbench)
  // So short that every call sends a request to the server.
  return withListening({ lifetimeMs: 20_000 }, async ({ env }) => {
    const first = await startServer({ project, env })
    const [executable = '', ...args] = client.command
    const asking = { executable, args: [...args, '16'], cwd: project, env: clientEnvironment(first) }
    const running = runClients(asking)
    await sleep(5_000)
    await first.kill()
    await sleep(3_000)
    const second = await startAgain(first, { project, env })
    try {
      const { calls, failures, endedWell } = await running
      requireSeen({ endedWell, asked: calls > failures.length }, { endedWell: true, asked: true })
      const what = failures.length === 0 ? '' : ` (${(failures[0] ?? '').slice(0, 100)})`
      return `${words(client)}: ${failures.length} of ${calls} calls failed${what}`
    } finally {
      await second.kill()
    }
  })
}

async function proveOneLoad(workbench: Workbench, sdk: ContainerSdk): Promise<string> {
  const client = await sdk.prepare(workbench)
  const project = await projectOf(workbench)
  return withListening({}, async ({ instance, env }) => {
    const one = [...client.command, '0'].map((word) => `'${word}'`).join(' ')
    const three = ['sh', '-c', `${one} & ${one} & ${one} & wait`]
    const output = await outputOf(execute(project, env, three))
    const all = output.split('\n').map((line) => JSON.parse(line) as Seen)
    const failures = all.flatMap((seen) => seen.failures)
    const keys = new Set(all.flatMap((seen) => seen.keys))
    requireSeen(
      {
        processes: all.length,
        failures: failures.length,
        keys: keys.size,
        requests: instance.requests.length,
      },
      { processes: 3, failures: 0, keys: 1, requests: 3 },
    )
    return `${words(client)}: 30 clients, 3 requests to IMDS`
  })
}

/** A call that AWS accepts, or the reason why there can be none. */
async function proveAwsCli(workbench: Workbench): Promise<string> {
  const version = versionOf('aws', ['--version'])
  const project = await projectOf(workbench)
  return withInstance(async ({ instance, endpoint, aws }) => {
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint, AWS_DEFAULT_REGION: 'eu-central-1' }
    const call = ['aws', 'sts', 'get-caller-identity', '--endpoint-url', aws.url, '--output', 'json']
    const identity = JSON.parse(await outputOf(execute(project, env, call))) as { readonly Arn: string }
    instance.failUntilLifted('credentials', { code: 'AssumeRoleUnauthorizedAccess' })
    const { code, stderr } = await runCommand(execute(project, env, call))
    requireSeen(
      {
        arn: identity.Arn.includes(':assumed-role/app-role/'),
        failed: code !== 0,
        tells: stderr.includes(FIX),
      },
      { arn: true, failed: true, tells: true },
    )
    return version
  })
}
