import { ENDPOINTS, type ConfigSources, type InstanceRoleConfig, resolveConfig } from '../config.js'
import { loadRoleCredentials } from '../credentials-load.js'
import { InstanceRoleError } from '../errors.js'
import { createMetadataTokenCache, MetadataClient, type MetadataTokenCache } from '../imds/metadata-client.js'
import { startTimeLimit } from '../imds/time-limit.js'
import { type Outcome, openTransport, type Transport } from '../imds/transport.js'
import { type Runtime } from '../runtime.js'
import { VERSION } from '../version.js'
import { type Facts, type ImdsFacts, type InstanceProfileFacts, type RoleFacts } from './facts.js'
import { parseIdentity, parseInstanceProfile, parseRegion } from './metadata-documents.js'
import { loggingRuntime, type SentRequest } from './request-log.js'
import { type Outside, readSurroundings } from './surroundings.js'

/** What the probe sees of the world. */
export interface ProbeOptions {
  readonly runtime: Runtime
  readonly sources: ConfigSources
  readonly loadFiles: () => Promise<Pick<Outside, 'configFile' | 'credentialsFile'>>
  readonly readFirmwareInstanceId: () => Promise<string | undefined>
  /** Starts to watch the event loop; what comes back tells the longest delay since, in ms. */
  readonly watchEventLoop: () => () => number
}

/** Everything is asked side by side, and has ended by then. */
const LIMIT_MS = 4_000
/** Longer than any healthy answer takes, and short enough for a second try. */
const MAX_TIMEOUT_MS = 1_500
const USER_AGENT = `instance-role/${VERSION} doctor`

/** Gathers the facts. Never rejects because of what it finds. */
export async function probe(options: ProbeOptions): Promise<Facts> {
  const blockedMs = options.watchEventLoop()
  const [settings, profile, files, firmwareInstanceId] = await Promise.all([
    resolveConfig({}, options.sources).catch(asRoleError),
    options.sources.loadProfile(),
    options.loadFiles(),
    options.readFirmwareInstanceId(),
  ])
  const known = settings instanceof InstanceRoleError ? undefined : settings
  const endpoint = known?.endpoint.value
  const outside = { ...files, env: options.sources.env, profile: profile.name, firmwareInstanceId, endpoint }
  return {
    settings,
    surroundings: readSurroundings(outside),
    imds: known === undefined || known.disabled.value ? undefined : await probeImds(known, options.runtime),
    blockedMs: blockedMs(),
  }
}

async function probeImds(config: InstanceRoleConfig, runtime: Runtime): Promise<ImdsFacts> {
  const end = new AbortController()
  const cancelLimit = startTimeLimit(runtime, LIMIT_MS, () =>
    end.abort(new Error('The doctor ran out of time.')),
  )
  try {
    return await askImds(config, runtime, end.signal)
  } finally {
    cancelLimit()
  }
}

async function askImds(
  config: InstanceRoleConfig,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<ImdsFacts> {
  const endpoint = config.endpoint.value
  const timeoutMs = Math.min(config.timeoutMs.value, MAX_TIMEOUT_MS)
  const way = { endpoint, timeoutMs, runtime, signal }
  const requests: SentRequest[] = []
  const token = createMetadataTokenCache(runtime.now)
  const [load, details, v1, otherAddress] = await Promise.all([
    loadRole(
      { ...config, timeoutMs: { ...config.timeoutMs, value: timeoutMs } },
      { ...way, token, requests },
    ),
    readDetails({ ...way, token }),
    askWithoutToken(way),
    askOtherAddress(way),
  ])
  return { endpoint, load, requests, v1, otherAddress, ...details, askedAt: runtime.now() }
}

interface Way {
  readonly endpoint: string
  readonly timeoutMs: number
  readonly runtime: Runtime
  readonly signal: AbortSignal
}

/** The very load that the provider makes, with its retries. */
async function loadRole(
  config: InstanceRoleConfig,
  { requests, ...way }: Way & { token: MetadataTokenCache; requests: SentRequest[] },
): Promise<RoleFacts | InstanceRoleError> {
  try {
    const { roleName, expiresAt } = await loadRoleCredentials({
      ...way,
      runtime: loggingRuntime(way.runtime, requests),
      deadlineMs: Math.min(config.deadlineMs.value, LIMIT_MS),
      retries: config.retries.value,
      imdsV1Fallback: false,
      roleName: config.roleName.value,
      dispatcher: undefined,
      userAgent: USER_AGENT,
      memory: {},
      onRequest: () => {},
      onV1: () => {},
    })
    return { roleName, expiresAt }
  } catch (error) {
    return asRoleError(error)
  }
}

interface Details extends Pick<ImdsFacts, 'profile' | 'region' | 'instanceId' | 'launchedAt'> {
  readonly profile: InstanceProfileFacts | undefined
}

/** What helps to explain and to mend; each is unknown where it cannot be read. */
async function readDetails(way: Way & { token: MetadataTokenCache }): Promise<Details> {
  return withTransport(way, async (transport) => {
    const client = new MetadataClient({
      ...way,
      transport,
      now: way.runtime.now,
      imdsV1Fallback: false,
      userAgent: USER_AGENT,
      onRequest: () => {},
      onV1: () => {},
    })
    const read = (path: string): Promise<string> =>
      client.get(path, 'role').then(
        (body) => body ?? '',
        () => '',
      )
    const [info, region, identity] = await Promise.all([
      read('/latest/meta-data/iam/info'),
      read('/latest/meta-data/placement/region'),
      read('/latest/dynamic/instance-identity/document'),
    ])
    return { profile: parseInstanceProfile(info), region: parseRegion(region), ...parseIdentity(identity) }
  })
}

/** Asks as IMDSv1 does; the answer is told from its status alone. */
async function askWithoutToken(way: Way): Promise<ImdsFacts['v1']> {
  const outcome = await send(way, { method: 'GET', url: `${way.endpoint}/latest/meta-data/`, headers: {} })
  if (outcome?.kind !== 'answer') return 'unknown'
  if (outcome.status === 200) return 'open'
  return outcome.status === 401 ? 'closed' : 'unknown'
}

/** Off the two addresses of a real instance there is no other one to try. */
async function askOtherAddress(way: Way): Promise<ImdsFacts['otherAddress']> {
  const { ipv4, ipv6 } = ENDPOINTS
  if (way.endpoint !== ipv4 && way.endpoint !== ipv6) return undefined
  const endpoint = way.endpoint === ipv4 ? ipv6 : ipv4
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
  const outcome = await send(way, { method: 'PUT', url: `${endpoint}/latest/api/token`, headers })
  return { endpoint, answers: outcome?.kind === 'answer' && outcome.status === 200 }
}

interface Question {
  readonly method: 'GET' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** `undefined` where time ran out. */
async function send(way: Way, { headers, ...question }: Question): Promise<Outcome | undefined> {
  const exchange = {
    ...question,
    timeoutMs: way.timeoutMs,
    headers: { ...headers, 'user-agent': USER_AGENT },
  }
  return withTransport(way, (transport) => transport.send(exchange).catch(() => undefined))
}

async function withTransport<T>(way: Way, work: (transport: Transport) => Promise<T>): Promise<T> {
  const transport = openTransport({ ...way, dispatcher: undefined })
  try {
    return await work(transport)
  } finally {
    transport.close()
  }
}

/** Where time ran out elsewhere than in the load, that is all there is to say. */
function asRoleError(error: unknown): InstanceRoleError {
  if (error instanceof InstanceRoleError) return error
  return new InstanceRoleError('TIMEOUT', `IMDS gave no credentials within ${LIMIT_MS} ms.`, {
    timedOut: true,
  })
}
