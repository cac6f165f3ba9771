import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Check } from '../check.js'
import { type ControlledInstance, withInstance } from '../controlled-instance.js'
import { requireSeen } from '../expectation.js'
import type { Installed } from './installed.js'
import { imds, lastLine } from './programs.js'

/** Where a program runs, and what its client is then given. */
interface Surrounding {
  readonly name: string
  readonly env: (instance: ControlledInstance, containerUri: string) => Readonly<Record<string, string>>
  readonly expected: unknown
}

const NOTHING_FOUND = {
  client: { name: 'CredentialsProviderError', message: 'Could not load credentials from any providers' },
}

const SURROUNDINGS: readonly Surrounding[] = [
  {
    name: 'a Lambda function',
    env: () => ({ AWS_ACCESS_KEY_ID: 'LAMBDAKEYID', AWS_SECRET_ACCESS_KEY: 'lambda-secret' }),
    expected: { client: 'LAMBDAKEYID' },
  },
  {
    name: 'an ECS task',
    env: (_instance, uri) => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri }),
    expected: { client: 'CONTAINERKEYID', container: 'CONTAINERKEYID' },
  },
  {
    name: 'no EC2',
    env: ({ unconnectable }) => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: unconnectable }),
    expected: NOTHING_FOUND,
  },
  {
    name: 'EC2 with IMDS disabled',
    env: () => ({ AWS_EC2_METADATA_DISABLED: 'true' }),
    expected: NOTHING_FOUND,
  },
]

/** Where the official parts do their work as before: with the override and without it, the same. */
export function surroundingChecks({ overridden, official }: Installed): Check[] {
  return SURROUNDINGS.map((surrounding) => ({
    section: 'default-chain',
    subject: surrounding.name,
    prove: async () => {
      for (const project of [await official(), await overridden()])
        for (const format of ['mjs', 'cjs'])
          await proveSurrounding(surrounding, (env) =>
            project.shell(`node default-credentials.${format}`, env),
          )
      return 'as without the override, no request to IMDS'
    },
  }))
}

async function proveSurrounding(
  { env, expected }: Surrounding,
  run: (env: Readonly<Record<string, string>>) => Promise<string>,
): Promise<void> {
  await withContainerCredentials((uri) =>
    withInstance(async (controlled) => {
      const output = await run({ ...imds(controlled.endpoint), ...env(controlled, uri) })
      const requests = controlled.instance.requests.length
      requireSeen({ output: lastLine(output), requests }, { output: JSON.stringify(expected), requests: 0 })
    }),
  )
}

/** As an ECS agent gives them. */
async function withContainerCredentials(use: (uri: string) => Promise<void>): Promise<void> {
  const set = { AccessKeyId: 'CONTAINERKEYID', SecretAccessKey: 'container-secret', Token: 'container-token' }
  const body = JSON.stringify({ ...set, Expiration: new Date(Date.now() + 3_600_000).toISOString() })
  const server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  try {
    await use(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
