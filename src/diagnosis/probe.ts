import {
  type ConfigFiles,
  type ConfigSources,
  type InstanceRoleConfig,
  IPV4_ENDPOINT,
  IPV6_ENDPOINT,
  resolveConfig,
} from '../config/config.js'
import { loadRoleCredentials, type RoleMemory } from '../credentials/credentials-load.js'
import { InstanceRoleError } from '../errors.js'
import { imdsAccess } from '../imds/imds-access.js'
import { type ImdsLoadOptions, runLoad } from '../imds/imds-load.js'
import type { Exchange, Outcome, Transport } from '../imds/transport.js'
import type { Runtime } from '../runtime/runtime.js'
import { VERSION } from '../runtime/version.js'
import type { DefaultChain } from './default-chain.js'
import type { Facts, ImdsFacts, RoleFacts } from './facts.js'
import { parseIdentity, parseInstanceProfile, parseRegion } from './metadata-documents.js'
import { loggingTransport, type SentRequest } from './request-log.js'
import { readSurroundings } from './surroundings.js'

/** What the probe sees of the world. */
export interface ProbeOptions {
  readonly runtime: Runtime
  readonly transport: Transport
  readonly sources: ConfigSources
  /** The profile whose settings are read. */
  readonly profile: string
  readonly loadFiles: () => Promise<ConfigFiles>
  readonly readFirmwareInstanceId: () => Promise<string | undefined>
  /** Looks at what is installed where the program is. */
  readonly readDefaultChain: () => DefaultChain | undefined
  /** Starts to watch the event loop; what comes back tells the longest delay since, in ms. */
  readonly watchEventLoop: () => () => number
}

/** Deadline of the load, beside which all else is asked; docs/doctor.md promises an end within 5 s. */
const LIMIT_MS = 4_000
/** Longer than any healthy answer takes, and short enough for a second try. */
const MAX_TIMEOUT_MS = 1_500
const USER_AGENT = `instance-role/${VERSION} doctor`

/** Gathers the facts. Never rejects because of what it finds. */
export async function probe(options: ProbeOptions): Promise<Facts> {
  const { profile, sources } = options
  const blockedMs = options.watchEventLoop()
  const [settings, files, firmwareInstanceId] = await Promise.all([
    resolveConfig({}, sources).catch(asRoleError),
    // What is wrong with the files is in the settings.
    options.loadFiles().catch(() => ({ configFile: {}, credentialsFile: {} })),
    options.readFirmwareInstanceId(),
  ])
  const config = settings instanceof InstanceRoleError ? undefined : settings
  const endpoint = config?.endpoint.value
  const outside = { ...files, env: sources.env, profile, firmwareInstanceId, endpoint }
  const isAsked = config !== undefined && !config.disabled.value
  return {
    settings,
    surroundings: readSurroundings(outside),
    defaultChain: options.readDefaultChain(),
    imds: isAsked ? await askImds(config, options) : undefined,
    blockedMs: blockedMs(),
  }
}

async function askImds(
  config: InstanceRoleConfig,
  { runtime, transport }: Pick<ProbeOptions, 'runtime' | 'transport'>,
): Promise<ImdsFacts> {
  const requests: SentRequest[] = []
  const memory: RoleMemory = {}
  const unlogged = { ...loadOptions(config, runtime), transport }
  const options = { ...unlogged, transport: loggingTransport(transport, runtime, requests) }
  // The load goes first: others join it for the metadata token.
  const [load, details, v1, otherAddress] = await Promise.all([
    loadRole(options, config.roleName.value, memory),
    readDetails(options),
    askWithoutToken(options),
    // Not in the log: that it mostly does not answer is no failure on the way to IMDS.
    askOtherAddress(config, unlogged),
  ])
  return {
    endpoint: options.endpoints.preferred,
    load,
    listedRole: config.roleName.value ?? memory.discovered,
    requests,
    v1,
    otherAddress,
    ...details,
    answeredAt: runtime.now(),
    clockOffsetMs: load instanceof InstanceRoleError ? undefined : load.clockOffsetMs,
  }
}

/** As the provider asks, within the doctor's time. */
function loadOptions(config: InstanceRoleConfig, runtime: Runtime): ImdsLoadOptions {
  const registry = { tokens: new Map() }
  return {
    ...imdsAccess({ config, dispatcher: undefined, runtime, registry }),
    timeoutMs: Math.min(config.timeoutMs.value, MAX_TIMEOUT_MS),
    deadlineMs: Math.min(config.deadlineMs.value, LIMIT_MS),
    userAgent: USER_AGENT,
    signal: new AbortController().signal,
    isColdStart: true,
    onRequest: () => {},
    onV1: () => {},
  }
}

/** The very load that the provider makes, with its retries. */
async function loadRole(
  options: ImdsLoadOptions,
  roleName: string | undefined,
  memory: RoleMemory,
): Promise<RoleFacts | InstanceRoleError> {
  try {
    const loaded = await loadRoleCredentials(options, { roleName, accountId: false }, memory)
    const { expiresAt, clockOffsetMs } = loaded
    return { roleName: loaded.roleName, expiresAt, clockOffsetMs }
  } catch (error) {
    return asRoleError(error)
  }
}

/** What helps to explain and to fix; each is unknown where it cannot be read. */
async function readDetails(
  options: ImdsLoadOptions,
): Promise<Pick<ImdsFacts, 'instanceProfile' | 'region' | 'instanceId' | 'launchedAt'>> {
  const read = (path: string): Promise<string> =>
    runLoad({ ...options, retries: 0 }, (imds) => imds.get(path, 'metadata')).then(
      (body) => body ?? '',
      () => '',
    )
  const [info, region, identity] = await Promise.all([
    read('/latest/meta-data/iam/info'),
    read('/latest/meta-data/placement/region'),
    read('/latest/dynamic/instance-identity/document'),
  ])
  return {
    instanceProfile: parseInstanceProfile(info),
    region: parseRegion(region),
    ...parseIdentity(identity),
  }
}

/** Asks as IMDSv1 does; the answer is told from its status alone. */
async function askWithoutToken(options: ImdsLoadOptions): Promise<ImdsFacts['v1']> {
  const url = `${options.endpoints.preferred}/latest/meta-data/`
  const outcome = await send(options, { method: 'GET', url, headers: {} })
  if (outcome?.kind !== 'answer') return 'unknown'
  if (outcome.status === 200) return 'open'
  return outcome.status === 401 ? 'closed' : 'unknown'
}

/** Apart from the two addresses of a real instance, there is no other one to try. */
async function askOtherAddress(
  { endpoint, alternativeEndpoint }: InstanceRoleConfig,
  options: ImdsLoadOptions,
): Promise<ImdsFacts['otherAddress']> {
  const other = new Map([
    [IPV4_ENDPOINT, IPV6_ENDPOINT],
    [IPV6_ENDPOINT, IPV4_ENDPOINT],
  ]).get(endpoint.value)
  if (other === undefined || other === alternativeEndpoint.value) return undefined
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
  const outcome = await send(options, { method: 'PUT', url: `${other}/latest/api/token`, headers })
  return { endpoint: other, answers: outcome?.kind === 'answer' && outcome.status === 200 }
}

/** One request outside of any load; `undefined` where time ran out. */
async function send(
  { transport, timeoutMs, signal }: ImdsLoadOptions,
  question: Pick<Exchange, 'method' | 'url' | 'headers'>,
): Promise<Outcome | undefined> {
  const headers = { ...question.headers, accept: '*/*', 'user-agent': USER_AGENT }
  try {
    return await transport.send({ ...question, headers, timeoutMs }, signal)
  } catch {
    return undefined
  }
}

function asRoleError(error: unknown): InstanceRoleError {
  if (error instanceof InstanceRoleError) return error
  return new InstanceRoleError('BAD_RESPONSE', 'The load ended in an unexpected error.')
}
