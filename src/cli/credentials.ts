import { InstanceRoleError } from '../errors.js'
import type { InstanceRoleCredentials } from '../provider/credentials-identity.js'
import type { Command } from './command.js'
import { parseFlags } from './flags.js'

const HELP = `Usage: instance-role credentials [--profile <name>]

Prints the credentials of the instance role, for any tool that reads ~/.aws/config:

  [profile app]
  credential_process = instance-role credentials

  --profile <name>  the section of the AWS config file whose settings are read
  --help            this text
`

/**
 * `instance-role credentials`: the JSON that a `credential_process` prints.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
export const credentials: Command = {
  name: 'credentials',
  summary: "prints the role's credentials as a credential_process does",
  run: async (args) => {
    const values = parseFlags(args, { profile: { type: 'string' }, help: { type: 'boolean', short: 'h' } })
    if (values.help === true) {
      process.stdout.write(HELP)
      return 0
    }
    if (process.stdout.isTTY) {
      process.stderr.write('instance-role: these are secrets; keep them out of logs and screenshots.\n')
    }
    return print(values.profile)
  },
}

async function print(profile: string | undefined): Promise<number> {
  try {
    // Loaded here, because other commands do not need it.
    const { fromInstanceRole } = await import('../provider/from-instance-role.js')
    await using provider = fromInstanceRole({ profile })
    process.stdout.write(`${JSON.stringify(toProcessCredentials(await provider()), undefined, 2)}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof InstanceRoleError)) throw error
    process.stderr.write(`instance-role: ${error.code}: ${error.message}\n`)
    return 1
  }
}

function toProcessCredentials(given: InstanceRoleCredentials): object {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = given
  return {
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: expiration.toISOString(),
  }
}
