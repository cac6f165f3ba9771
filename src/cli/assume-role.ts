import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as CredentialProviders from '@aws-sdk/credential-providers'
import type { GivenCredentials } from '../testing/index.js'

/** Real credentials could not be loaded. The message is one line for the user. */
export class AssumeRoleError extends Error {
  override readonly name = 'AssumeRoleError'
}

/** Requests new credentials of a role from STS. */
export type AssumeRole = () => Promise<GivenCredentials>

/**
 * Creates a function that requests the role's credentials from STS, with the developer's own AWS credentials, which the AWS SDK
 * finds.
 *
 * @throws {AssumeRoleError} if `@aws-sdk/credential-providers` is not installed
 */
export async function createAssumeRole(arn: string, durationSeconds: number): Promise<AssumeRole> {
  const { fromTemporaryCredentials } = await loadCredentialProviders()
  const provider = fromTemporaryCredentials({
    params: { RoleArn: arn, RoleSessionName: 'instance-role-emulate', DurationSeconds: durationSeconds },
    // The SDK's default handler has no time limit.
    clientConfig: { requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000 } },
  })
  return async () => {
    try {
      return requireComplete(await provider())
    } catch (error) {
      throw new AssumeRoleError(`STS gave no credentials of ${arn}: ${firstLine(error)}`)
    }
  }
}

type Module = Pick<typeof CredentialProviders, 'fromTemporaryCredentials'>

/** Loads it from beside this package, or from the project in which the command runs. */
async function loadCredentialProviders(): Promise<Module> {
  try {
    return await import('@aws-sdk/credential-providers')
  } catch {
    return loadFromProject()
  }
}

async function loadFromProject(): Promise<Module> {
  try {
    const { resolve } = createRequire(join(process.cwd(), 'package.json'))
    const loaded: unknown = await import(pathToFileURL(resolve('@aws-sdk/credential-providers')).href)
    if (isModule(loaded)) return loaded
  } catch {
    // The error below says it.
  }
  throw new AssumeRoleError(
    '--assume-role needs @aws-sdk/credential-providers: npm install @aws-sdk/credential-providers',
  )
}

function isModule(value: unknown): value is Module {
  return typeof value === 'object' && value !== null && 'fromTemporaryCredentials' in value
}

type AwsCredentials = Awaited<ReturnType<ReturnType<Module['fromTemporaryCredentials']>>>

function requireComplete(credentials: AwsCredentials): GivenCredentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials
  if (sessionToken === undefined || expiration === undefined)
    throw new Error('the answer lacks a session token or an expiration')
  return { accessKeyId, secretAccessKey, sessionToken, expiration }
}

/** If STS refuses the signature, it quotes the request, session token included, from the second line on. */
function firstLine(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const [line = ''] = error.message.split('\n')
  return line === '' ? error.name : `${error.name}: ${line}`
}
