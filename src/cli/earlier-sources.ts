import { readConfigFiles } from '../config/config-sources.js'
import { readSurroundings } from '../diagnosis/surroundings.js'

type Env = Readonly<Record<string, string | undefined>>

/**
 * The variables of the credential sources that the default chains of AWS SDKs try before the container credentials protocol.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
const VARIABLES: readonly (readonly string[])[] = [
  ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
  ['AWS_PROFILE'],
  ['AWS_DEFAULT_PROFILE'],
  ['AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_ROLE_ARN'],
]

/** Returns a line about the variables in `env` that give the command other credentials than the role's, if there are any. */
export function describeEarlierVariables(env: Env): string | undefined {
  const names = VARIABLES.filter((together) => together.every((name) => Boolean(env[name]))).flat()
  if (names.length === 0) return undefined
  return `${BEFORE_THE_ROLE} ${names.join(', ')}. To use the role: unset ${names.join(' ')}`
}

const BEFORE_THE_ROLE = 'before the role of the instance, AWS SDKs try'
const READING_LIMIT_MS = 2_000

/** The same for access keys in the default profile of the AWS config files. */
export async function describeEarlierFile(env: Env): Promise<string | undefined> {
  const files = await readConfigFiles(READING_LIMIT_MS).catch(() => undefined)
  if (files === undefined) return undefined
  const nothingElse = { firmwareInstanceId: undefined, endpoints: [] }
  const { keyFile } = readSurroundings({ env, profile: 'default', ...files, ...nothingElse })
  if (keyFile === undefined) return undefined
  return `${BEFORE_THE_ROLE} the access keys in [${keyFile.section}] of ${keyFile.path}. To remove them: instance-role doctor`
}
