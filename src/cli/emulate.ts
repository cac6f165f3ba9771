import type { EmulatedInstance, GivenCredentials, LoopbackServer } from '../testing/index.js'
import { ambientClock } from '../testing/clock.js'
import { type AssumeRole, AssumeRoleError, createAssumeRole } from './assume-role.js'
import { breakInstance, describeBreakage } from './breakage.js'
import { type Command, UsageError } from './command.js'
import { EMULATE_HELP } from './emulate-help.js'
import { type EmulateOptions, parseEmulateOptions } from './emulate-options.js'
import { keepRenewed } from './keep-renewed.js'
import { exportLine, guessShell } from './shell.js'
import { describePortError } from './port-error.js'
import { untilStopped } from './until-stopped.js'

const SUCCESS = 0
const FAILURE = 1

/** `instance-role emulate`: an EC2 instance's metadata service on a loopback port. */
export const emulate: Command = {
  name: 'emulate',
  summary: "serves an emulated instance's metadata service on a loopback port",
  run: async (args) => {
    const options = parseEmulateOptions(args)
    if (!options.help) return await serve(options)
    process.stdout.write(`${EMULATE_HELP}\n`)
    return SUCCESS
  },
}

async function serve(options: EmulateOptions): Promise<number> {
  try {
    const source = await openSource(options)
    await serveUntilStopped(options, source)
    return SUCCESS
  } catch (error) {
    if (!(error instanceof AssumeRoleError)) throw error
    say(error.message)
    return FAILURE
  }
}

/** The source of real credentials, and the credentials that are served now. */
interface RealSource {
  readonly assumeRole: AssumeRole
  held: GivenCredentials
}

async function openSource({
  assumeRole: role,
  lifetimeSeconds,
}: EmulateOptions): Promise<RealSource | undefined> {
  if (role === undefined) return undefined
  const assumeRole = await createAssumeRole(role.arn, lifetimeSeconds)
  return { assumeRole, held: await assumeRole() }
}

async function serveUntilStopped(options: EmulateOptions, source: RealSource | undefined): Promise<void> {
  const stopped = untilStopped()
  await using instance = await createInstance(options, source)
  if (options.failAfterSeconds === 0) breakInstance(instance, options.breakage)
  announce(await listen(instance, options.port), options)
  if (options.failAfterSeconds > 0) void breakLater(instance, options, stopped.signal)
  if (source !== undefined) void renew(instance, source, stopped.signal)
  await stopped.promise
  say('stopped')
}

async function createInstance(
  options: EmulateOptions,
  source: RealSource | undefined,
): Promise<EmulatedInstance> {
  // Loaded here, because other commands do not need it.
  const { emulateInstance, iamRole, instanceProfile } = await import('../testing/index.js')
  const { roleName, instanceProfileName, lifetimeSeconds, rotateEverySeconds, metadata, assumeRole } = options
  const { hopLimit, hopsAway, httpTokens } = options
  const account = assumeRole && { accountId: assumeRole.accountId }
  const role = iamRole({ name: roleName, ...account })
  const instance = emulateInstance({
    ...account,
    ...metadata.facts,
    profile: instanceProfile({ name: instanceProfileName, role, ...account }),
    lifetimeMs: lifetimeSeconds * 1_000,
    renewEveryMs: rotateEverySeconds * 1_000,
    hopLimit,
    hopsAway,
    httpTokens,
    ...(source && { issueCredentials: () => source.held }),
    onRequest: (entry) => {
      writeLine(entry)
      instance.clearRequests()
    },
  })
  for (const [path, text] of metadata.texts) instance.setMetadata(path, text)
  return instance
}

async function breakLater(
  instance: EmulatedInstance,
  { breakage, failAfterSeconds }: EmulateOptions,
  stopped: AbortSignal,
): Promise<void> {
  await ambientClock.sleep(failAfterSeconds * 1_000, stopped)
  if (stopped.aborted) return
  breakInstance(instance, breakage)
  say(`from now on: ${describeBreakage(breakage).join(' ')}`)
}

async function listen(instance: EmulatedInstance, port: number): Promise<LoopbackServer> {
  try {
    return await instance.listen({ port, refuseForwarded: true })
  } catch (error) {
    throw new UsageError(`cannot listen on port ${port} of 127.0.0.1: ${describePortError(error)}`)
  }
}

function announce({ env, endpoint }: LoopbackServer, options: EmulateOptions): void {
  const { roleName, instanceProfileName, assumeRole, failAfterSeconds } = options
  const shell = options.shell ?? guessShell(process.env, process.platform)
  const broken = describeBreakage(options.breakage)
  say(`role ${roleName} in instance profile ${instanceProfileName} on ${endpoint}; Ctrl+C stops it`)
  if (assumeRole !== undefined)
    say(`warning: any process on this machine can read the real credentials of ${assumeRole.arn} served here`)
  if (broken.length > 0)
    say(`${failAfterSeconds > 0 ? `in ${failAfterSeconds} s` : 'broken'}: ${broken.join(' ')}`)
  for (const [name, value] of Object.entries(env)) process.stdout.write(`${exportLine(shell, name, value)}\n`)
}

function renew(instance: EmulatedInstance, source: RealSource, stopped: AbortSignal): Promise<void> {
  return keepRenewed(source.held, {
    clock: ambientClock,
    renew: source.assumeRole,
    stopped,
    onRenewed: (credentials) => {
      source.held = credentials
      if (instance.profile !== undefined) instance.rotate()
      say(`renewed the credentials, which now end at ${credentials.expiration.toISOString()}`)
    },
    onFailed: (error) => {
      say(`not renewed: ${error instanceof Error ? error.message : 'unknown error'}`)
    },
  })
}

function say(text: string): void {
  writeLine(`instance-role emulate: ${text}`)
}

function writeLine(text: string): void {
  process.stderr.write(`${text}\n`)
}
