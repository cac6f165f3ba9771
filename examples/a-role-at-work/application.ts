import { GetObjectCommand, PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { RecordedRequest } from '../emulated-aws/verifying-aws-endpoint.js'
import type { Call } from './accounts.js'

/** An application that makes calls, and what it has observed so far. */
export interface Application {
  readonly name: string
  readonly calls: readonly Call[]
  /** The identities that STS returned, in the order of their first appearance. */
  readonly identities: ReadonlySet<string>
  /** Whether a call is running. */
  readonly isWaiting: boolean
  /** Makes the next call, unless one is running: it asks STS for its identity, writes to S3, reads from S3, and so on. */
  readonly work: () => void
  /** Whether it made the request that AWS has recorded. */
  readonly made: (request: RecordedRequest) => boolean
  readonly close: () => void
}

export interface ApplicationOptions {
  readonly name: string
  /** The endpoint of AWS. */
  readonly endpoint: string
  readonly credentials: NonNullable<S3ClientConfig['credentials']>
}

const OBJECT = { Bucket: 'reports', Key: 'today.txt' }

export function createApplication({ name, endpoint, credentials }: ApplicationOptions): Application {
  const userAgent = `demo/${name.replace(/\W+/g, '-')}`
  const configuration = { endpoint, region: 'eu-central-1', credentials, customUserAgent: userAgent }
  const s3 = new S3Client({ ...configuration, forcePathStyle: true })
  const sts = new STSClient(configuration)
  const calls: Call[] = []
  const identities = new Set<string>()
  let isWaiting = false

  const routine = [
    async () => {
      const { Arn } = await sts.send(new GetCallerIdentityCommand({}))
      if (Arn !== undefined) identities.add(Arn)
    },
    () => s3.send(new PutObjectCommand({ ...OBJECT, Body: 'all is well' })),
    async () => {
      const { Body } = await s3.send(new GetObjectCommand(OBJECT))
      await Body?.transformToString()
    },
  ]

  const make = async (call: () => Promise<unknown>): Promise<Call> => {
    const startedAt = performance.now()
    const error = await call().then(() => undefined, nameOf)
    const durationMs = performance.now() - startedAt
    return error === undefined ? { durationMs } : { durationMs, error }
  }

  return {
    name,
    calls,
    identities,
    get isWaiting() {
      return isWaiting
    },
    work: () => {
      const next = routine[calls.length % routine.length]
      if (isWaiting || next === undefined) return
      isWaiting = true
      void make(next).then((call) => {
        calls.push(call)
        isWaiting = false
      })
    },
    made: (request) => request.userAgent.includes(userAgent),
    close: () => {
      s3.destroy()
      sts.destroy()
    },
  }
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
