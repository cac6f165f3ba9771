import { resolve } from 'node:path'
import { type Command, UsageError } from './command.js'
import type { ListenOptions } from './listen-on-loopback.js'
import { parseFlags } from './flags.js'
import { type RoleServer, serveRole } from './serve-role.js'
import { describePortError } from './port-error.js'
import { notifyReady } from './service-readiness.js'
import { requireOwnFile, writeTokenFile } from './token-file.js'
import { untilStopped } from './until-stopped.js'

const HELP = `Usage: instance-role serve --port <port> --token-file <path> [--ipv6] [--profile <name>]

Serves the credentials of the instance role on 127.0.0.1 to every AWS SDK and the AWS CLI, in any process
that can read the token file. The two variables that such a process needs go to stdout, all else to stderr.

  --port <port>        port; 0 takes a free one
  --token-file <path>  where the token is written, with mode 0600; another token at each start
  --ipv6               listens on ::1 as well
  --profile <name>     the section of the AWS config file whose settings are read
  --help               this text

Ctrl+C or SIGTERM stops it.
`

/** `instance-role serve`: serves the credentials of the role to every process that can read a file. */
export const serve: Command = {
  name: 'serve',
  summary: 'serves the credentials of the role to the processes of this host',
  run: async (args) => {
    const values = parseFlags(args, FLAGS)
    if (values.help === true) {
      process.stdout.write(HELP)
      return 0
    }
    const port = parsePort(values.port)
    const tokenFile = parseTokenFile(values['token-file'])
    await serveUntilStopped({ port, ipv6: values.ipv6 === true }, tokenFile, values.profile)
    return 0
  },
}

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  port: { type: 'string' },
  'token-file': { type: 'string' },
  ipv6: { type: 'boolean' },
  profile: { type: 'string' },
} as const

function parsePort(text: string | undefined): number {
  if (text === undefined) throw new UsageError('--port is required')
  const port = /^\d+$/.test(text) ? Number(text) : NaN
  if (port <= 65_535) return port
  throw new UsageError('--port must be an integer from 0 to 65535')
}

function parseTokenFile(path: string | undefined): string {
  if (path === undefined || path === '') throw new UsageError('--token-file is required')
  return resolve(path)
}

async function serveUntilStopped(
  where: ListenOptions,
  tokenFile: string,
  profile: string | undefined,
): Promise<void> {
  // Without a listener, SIGUSR1 opens Node's debugger to every user of the host.
  process.on('SIGUSR1', () => {})
  const stopped = untilStopped()
  await requireOwnFile(tokenFile)
  await using server = await listen(where, profile)
  // After `listen`, so that a second server on the same port does not replace the token of the first.
  await writeTokenFile(tokenFile, server.token)
  process.stdout.write(
    `AWS_CONTAINER_CREDENTIALS_FULL_URI=${server.uri}\nAWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=${tokenFile}\n`,
  )
  await notifyReady().catch(() => {
    writeLine('instance-role serve: systemd was not told that the service is ready: systemd-notify failed')
  })
  await stopped.promise
}

async function listen(where: ListenOptions, profile: string | undefined): Promise<RoleServer> {
  try {
    return await serveRole({ profile, logger: JOURNAL }, where)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`cannot listen on port ${where.port} of loopback: ${describePortError(error)}`)
  }
}

/** One line for each change of state. */
const JOURNAL = { debug: () => {}, info: writeLine, warn: writeLine, error: writeLine }

function writeLine(text: unknown): void {
  process.stderr.write(`${String(text)}\n`)
}
