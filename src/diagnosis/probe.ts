import {
  type ConfigFiles,
  type ConfigSources,
  type InstanceRoleConfig,
  IPV4_ENDPOINT,
  IPV6_ENDPOINT,
  resolveConfig,
} from '../config/config.js'
import { CredentialsLoader } from '../credentials/credentials-loader.js'
import { InstanceRoleError } from '../errors.js'
import { createRegistry } from '../credentials/shared-sources.js'
import { imdsAccess } from '../imds/imds-access.js'
import { runLoad } from '../imds/imds-load.js'
import type { ImdsLoadOptions } from '../imds/imds-access.js'
import type { Exchange, Outcome, Transport } from '../imds/transport.js'
import { decodeUtf8 } from '../imds/utf-8.js'
import type { Runtime } from '../runtime/runtime.js'
import { VERSION } from '../runtime/version.js'
import type { DefaultChain } from './default-chain.js'
import type { Facts, ImdsFacts, RoleFacts } from './facts.js'
import { type IdentityFacts, parseIdentity, parseInstanceProfile, parseRegion } from './metadata-documents.js'
import { loggingTransport, type SentRequest } from './request-log.js'
import { readSurroundings } from './surroundings.js'

/** The environment of the probe. */
export interface ProbeOptions {
  readonly runtime: Runtime
  readonly transport: Transport
  readonly sources: ConfigSources
  /** The profile whose settings are read. */
  readonly profile: string
  readonly loadFiles: () => Promise<ConfigFiles>
  readonly readFirmwareInstanceId: () => Promise<string | undefined>
  /** Examines the packages that are installed for the program. */
  readonly readDefaultChain: () => DefaultChain | undefined
  /** Starts to watch the event loop. Returns a function that returns the longest delay since, in ms. */
  readonly watchEventLoop: () => () => number
  /** Called once if IMDS takes longer than a second, with the longest time that the load can take. */
  readonly onSlow: (endpoint: string, deadlineMs: number) => void
}

/** After this time, the user is told what the doctor waits for. */
const SLOW_MS = 1_000
const EVEN_IF_DISABLED = true
const USER_AGENT = `instance-role/${VERSION} doctor`

/** Gathers the facts. Never rejects because of what it finds. */
export async function probe(options: ProbeOptions): Promise<Facts> {
  const { profile, sources } = options
  const blockedMs = options.watchEventLoop()
  const [settings, files, firmwareInstanceId] = await Promise.all([
    resolveConfig({}, sources, EVEN_IF_DISABLED).catch(asRoleError),
    // The settings report what is wrong with the files.
    options.loadFiles().catch(() => ({ configFile: {}, credentialsFile: {} })),
    options.readFirmwareInstanceId(),
  ])
  const config = settings instanceof InstanceRoleError ? undefined : settings
  const endpoints = [config?.endpoint.value, config?.alternativeEndpoint.value].filter(
    (one) => one !== undefined,
  )
  const outside = { ...files, env: sources.env, profile, firmwareInstanceId, endpoints }
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
  { runtime, transport, onSlow }: Pick<ProbeOptions, 'runtime' | 'transport' | 'onSlow'>,
): Promise<ImdsFacts> {
  const options = { ...loadOptions(config, runtime), transport }
  const endSlow = runtime.after(SLOW_MS, () => onSlow(options.endpoints.preferred, options.deadlineMs))
  // During the load, only requests that cannot change its result.
  const [loaded, otherAddress] = await Promise.all([
    recordLoad(options, config.roleName),
    askOtherAddress(config, options),
  ])
  const [details, withoutToken] = await Promise.all([
    // Without a metadata token, no details can be read, and waiting for another token would show nothing new.
    hasToken(loaded.load) ? readDetails(options) : undefined,
    askWithoutToken(options),
  ])
  endSlow()
  return {
    endpoint: options.endpoints.preferred,
    timeoutMs: options.timeoutMs,
    ...loaded,
    otherAddress,
    v1: withoutToken.v1,
    answersWithoutToken: withoutToken.answers,
    instanceProfile: details?.instanceProfile,
    ...(details?.identity ?? withoutToken.identity ?? NO_IDENTITY),
    answeredAt: runtime.now(),
  }
}

const NO_IDENTITY: IdentityFacts = { region: undefined, instanceId: undefined, launchedAt: undefined }

function hasToken(load: RoleFacts | InstanceRoleError): boolean {
  return !(load instanceof InstanceRoleError) || load.step !== 'token'
}

type Loaded = Pick<ImdsFacts, 'load' | 'listedRole' | 'requests' | 'clockOffsetMs'>

/** Runs the load and records its requests. */
async function recordLoad(
  options: ImdsLoadOptions,
  roleName: InstanceRoleConfig['roleName'],
): Promise<Loaded> {
  const { runtime, transport } = options
  const requests: SentRequest[] = []
  const loader = new CredentialsLoader({ roleName, accountId: { value: false, origin: 'default' } })
  const logged = { ...options, transport: loggingTransport(transport, runtime, requests) }
  const load = await loadRole(logged, loader)
  return {
    load,
    listedRole: roleName.value ?? loader.discovered,
    requests,
    clockOffsetMs: load instanceof InstanceRoleError ? undefined : load.clockOffsetMs,
  }
}

/** The provider's own limits. */
function loadOptions(config: InstanceRoleConfig, runtime: Runtime): ImdsLoadOptions {
  return {
    ...imdsAccess({ config, dispatcher: undefined, runtime, registry: createRegistry() }),
    userAgent: USER_AGENT,
    signal: new AbortController().signal,
    isColdStart: true,
    onRequest: () => {},
    onV1: () => {},
  }
}

/** The same load as the provider's, retries included. */
async function loadRole(
  options: ImdsLoadOptions,
  loader: CredentialsLoader,
): Promise<RoleFacts | InstanceRoleError> {
  try {
    const { roleName, expiresAt, clockOffsetMs } = await loader.load(options)
    return { roleName, expiresAt, clockOffsetMs }
  } catch (error) {
    return asRoleError(error)
  }
}

const IDENTITY_PATH = '/latest/dynamic/instance-identity/document'

interface Details {
  readonly instanceProfile: ImdsFacts['instanceProfile']
  readonly identity: IdentityFacts
}

/** Reads the facts that help to explain and to fix. Each is unknown if it cannot be read. */
async function readDetails(options: ImdsLoadOptions): Promise<Details> {
  const read = (path: string): Promise<string> =>
    runLoad({ ...options, retries: 0, isColdStart: false }, (imds) => imds.get(path, 'metadata')).then(
      (body) => body ?? '',
      () => '',
    )
  const [info, region, document] = await Promise.all([
    read('/latest/meta-data/iam/info'),
    read('/latest/meta-data/placement/region'),
    read(IDENTITY_PATH),
  ])
  const identity = parseIdentity(document) ?? NO_IDENTITY
  return {
    instanceProfile: parseInstanceProfile(info),
    identity: { ...identity, region: parseRegion(region) ?? identity.region },
  }
}

interface WithoutToken {
  readonly v1: ImdsFacts['v1']
  /** Whether there was any HTTP response. */
  readonly answers: boolean
  readonly identity: IdentityFacts | undefined
}

/** Sends an IMDSv1 request. A page with status 200 that is not an identity document comes from something else, such as a captive portal. */
async function askWithoutToken(options: ImdsLoadOptions): Promise<WithoutToken> {
  const url = options.endpoints.preferred + IDENTITY_PATH
  const outcome = await send(options, { method: 'GET', url, headers: {} })
  if (outcome?.kind !== 'answer') return { v1: 'unknown', answers: false, identity: undefined }
  const text = outcome.status === 200 ? (decodeUtf8(outcome.bytes) ?? '') : ''
  const identity = parseIdentity(text)
  if (identity !== undefined) return { v1: 'open', answers: true, identity }
  return { v1: outcome.status === 401 ? 'closed' : 'unknown', answers: true, identity: undefined }
}

/** No finding waits longer than this for the other address. */
const OTHER_ADDRESS_MS = 1_500

/** Only the two addresses of a real instance have another one to try. */
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
  const timeoutMs = Math.min(options.timeoutMs, OTHER_ADDRESS_MS)
  const outcome = await send(
    { ...options, timeoutMs },
    { method: 'PUT', url: `${other}/latest/api/token`, headers },
  )
  return { endpoint: other, answers: outcome?.kind === 'answer' && outcome.status === 200 }
}

/** Sends one request that belongs to no load. Returns `undefined` if it timed out. */
async function send(
  { transport, timeoutMs, signal }: ImdsLoadOptions,
  question: Pick<Exchange, 'method' | 'url' | 'headers'>,
): Promise<Outcome | undefined> {
  const headers = { ...question.headers, accept: '*/*', 'user-agent': USER_AGENT }
  try {
    return await transport({ ...question, headers, timeoutMs }, signal)
  } catch {
    return undefined
  }
}

function asRoleError(error: unknown): InstanceRoleError {
  if (error instanceof InstanceRoleError) return error
  return new InstanceRoleError('BAD_RESPONSE', 'The load ended in an unexpected error.')
}
