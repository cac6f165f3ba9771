import { childEnvironment } from './child-environment.js'
import { runChild, StartError } from './child-process.js'
import { type Command, UsageError } from './command.js'
import { describeEarlierFile, describeEarlierVariables } from './earlier-sources.js'
import { parseFlags } from './flags.js'
import { serveRole } from './serve-role.js'

const HELP = `Usage: instance-role exec [--profile <name>] -- <command> [arguments]

Runs a command, in any language, whose AWS SDK and AWS CLI take the credentials of the instance role from
this process: loaded once for all that the command starts, refreshed ahead of expiration.

  --profile <name>  the section of the AWS config file whose settings are read
  --help            this text

Exit status: that of the command, 128 + n after signal n; 126 if it cannot be run, 127 if it is not found;
2 bad usage.
`

/** `instance-role exec`: runs a command that takes its credentials from this process. */
export const exec: Command = {
  name: 'exec',
  summary: 'runs a command, in any language, with the credentials of the role',
  run: async (args) => {
    const separator = args.indexOf('--')
    const values = parseFlags(args.slice(0, separator === -1 ? undefined : separator), {
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    })
    if (values.help === true) {
      process.stdout.write(HELP)
      return 0
    }
    const command = separator === -1 ? [] : args.slice(separator + 1)
    if (command.length === 0)
      throw new UsageError('give the command after --: instance-role exec -- <command>')
    return execute(command, values.profile)
  },
}

async function execute(command: readonly string[], profile: string | undefined): Promise<number> {
  await using server = await serveRole({ profile }, { port: 0, ipv6: false })
  const line = describeEarlierVariables(process.env)
  if (line !== undefined) say(line)
  try {
    const ended = runChild(command, childEnvironment(process.env, server))
    // While the command runs, so that it does not wait for files to be read.
    const [status] = await Promise.all([ended, line ?? warnOfKeysInFiles()])
    return status
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    say(error.message)
    return error.status
  }
}

async function warnOfKeysInFiles(): Promise<void> {
  const line = await describeEarlierFile(process.env)
  if (line !== undefined) say(line)
}

function say(text: string): void {
  process.stderr.write(`instance-role exec: ${text}\n`)
}
