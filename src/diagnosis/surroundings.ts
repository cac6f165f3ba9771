import type { ConfigFiles } from '../config/config.js'
import type { KeyFile, Surroundings } from './facts.js'

type Env = Readonly<Record<string, string | undefined>>

/** What {@link readSurroundings} looks at. */
export interface Outside extends ConfigFiles {
  readonly env: Env
  readonly profile: string
  readonly firmwareInstanceId: string | undefined
  /** Where requests go; `undefined` where the settings do not tell. */
  readonly endpoint: string | undefined
}

const KEY_VARIABLES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html */
const OTHER_SOURCES = [
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]

/** What shadows the role, or stands between this process and IMDS. Values stay where they are: only names come out. */
export function readSurroundings(outside: Outside): Surroundings {
  const { env, profile, firmwareInstanceId, endpoint, warnings = [] } = outside
  const isSet = (name: string): boolean => Boolean(env[name])
  return {
    profile,
    fileWarnings: warnings,
    firmwareInstanceId,
    keyVariables: isSet('AWS_ACCESS_KEY_ID') ? KEY_VARIABLES.filter(isSet) : [],
    keyFile: findKeyFile(outside),
    otherSources: OTHER_SOURCES.filter(isSet),
    proxyVariables: endpoint === undefined ? [] : findProxies(env, endpoint),
  }
}

function findKeyFile({ env, profile, configFile, credentialsFile }: Outside): KeyFile | undefined {
  const hasKeys = (sections: ConfigFiles['configFile']): boolean =>
    Boolean(sections[profile]?.['aws_access_key_id'])
  if (hasKeys(credentialsFile)) {
    return { path: env['AWS_SHARED_CREDENTIALS_FILE'] || '~/.aws/credentials', section: profile }
  }
  if (!hasKeys(configFile)) return undefined
  const section = profile === 'default' ? profile : `profile ${profile}`
  return { path: env['AWS_CONFIG_FILE'] || '~/.aws/config', section }
}

function findProxies(env: Env, endpoint: string): string[] {
  const { protocol, hostname } = new URL(endpoint)
  if (isExempt(env['no_proxy'] || env['NO_PROXY'] || '', hostname)) return []
  const names = protocol === 'https:' ? ['HTTPS_PROXY', 'ALL_PROXY'] : ['HTTP_PROXY', 'ALL_PROXY']
  return names.flatMap((name) => [name, name.toLowerCase()]).filter((name) => env[name])
}

/** Only the spellings that every tool understands: the host itself, or `*`. */
function isExempt(noProxy: string, hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '')
  const entries = noProxy.split(/[\s,]+/).map((entry) => entry.replace(/^\[|\]$/g, '').replace(/^\./, ''))
  return entries.includes('*') || entries.includes(bare)
}
