import type { ConfigFiles } from '../config/config.js'
import type { KeyFile, Surroundings } from './facts.js'
import { isExempt } from './no-proxy.js'

type Env = Readonly<Record<string, string | undefined>>

/** The input of {@link readSurroundings}. */
export interface Outside extends ConfigFiles {
  readonly env: Env
  readonly profile: string
  readonly firmwareInstanceId: string | undefined
  /** Where requests go. Empty if the settings are malformed. */
  readonly endpoints: readonly string[]
}

/** An access key needs both. */
const KEY_PAIR = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html */
const OTHER_SOURCES = [
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]

/** Finds what hides the role, or stands between this process and IMDS. Only names are returned, no values. */
export function readSurroundings(outside: Outside): Surroundings {
  const { env, profile, firmwareInstanceId, endpoints, warnings = [] } = outside
  const isSet = (name: string): boolean => Boolean(env[name])
  const isComplete = KEY_PAIR.every(isSet)
  return {
    profile,
    fileWarnings: warnings,
    firmwareInstanceId,
    keyVariables: isComplete ? [...KEY_PAIR, 'AWS_SESSION_TOKEN'].filter(isSet) : [],
    loneKeyVariable: isComplete ? undefined : KEY_PAIR.find(isSet),
    keyFile: findKeyFile(outside),
    otherSources: OTHER_SOURCES.filter(isSet),
    ...findProxies(env, endpoints),
  }
}

function findKeyFile({ env, profile, configFile, credentialsFile }: Outside): KeyFile | undefined {
  const hasKeys = (sections: ConfigFiles['configFile']): boolean =>
    KEY_PAIR.every((name) => Boolean(sections[profile]?.[name.toLowerCase()]))
  if (hasKeys(credentialsFile)) {
    return { path: env['AWS_SHARED_CREDENTIALS_FILE'] || '~/.aws/credentials', section: profile }
  }
  if (!hasKeys(configFile)) return undefined
  const section = profile === 'default' ? profile : `profile ${profile}`
  return { path: env['AWS_CONFIG_FILE'] || '~/.aws/config', section }
}

type Proxies = Pick<Surroundings, 'proxyVariables' | 'noProxyVariables' | 'imdsHosts'>

function findProxies(env: Env, endpoints: readonly string[]): Proxies {
  const lacking = ['no_proxy', 'NO_PROXY'].filter(
    (name) => env[name] && !endpoints.every((endpoint) => isExempt(env[name] ?? '', endpoint)),
  )
  // Some tools read one, some the other. If only one is set, all tools read it.
  const isAnySet = Boolean(env['no_proxy'] || env['NO_PROXY'])
  const isAnyProxied = !isAnySet || lacking.length > 0
  return {
    proxyVariables: isAnyProxied ? namesOfProxies(env, endpoints) : [],
    noProxyVariables: lacking,
    imdsHosts: endpoints.map((endpoint) => new URL(endpoint).hostname.replace(/^\[|\]$/g, '')),
  }
}

function namesOfProxies(env: Env, endpoints: readonly string[]): string[] {
  const schemes = new Set(endpoints.map((endpoint) => new URL(endpoint).protocol))
  const names = [
    ...(schemes.has('https:') ? ['HTTPS_PROXY'] : []),
    ...(schemes.has('http:') ? ['HTTP_PROXY'] : []),
    ...(schemes.size > 0 ? ['ALL_PROXY'] : []),
  ]
  return names.flatMap((name) => [name, name.toLowerCase()]).filter((name) => env[name])
}
