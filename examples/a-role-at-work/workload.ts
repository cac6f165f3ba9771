import { setTimeout as sleep } from 'node:timers/promises'
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts'

export interface Clients {
  readonly s3: S3Client
  readonly sts: STSClient
}

/** What the application has noticed so far. */
export interface Workload {
  /** How long each call took, in milliseconds, in their order. */
  readonly durationsMs: readonly number[]
  /** The codes of the errors that calls have failed with, or their names. */
  readonly failures: readonly string[]
  /** Who STS has said that the application is, in the order in which it first did. */
  readonly identities: ReadonlySet<string>
  /** Works until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>
}

const PAUSE_MS = 120

/** An application at its daily work: it asks STS who it is, writes to S3 and reads back, over and over. */
export function createWorkload({ s3, sts }: Clients): Workload {
  const durationsMs: number[] = []
  const failures: string[] = []
  const identities = new Set<string>()
  const object = { Bucket: 'reports', Key: 'today.txt' }

  const calls = [
    async () => {
      const { Arn } = await sts.send(new GetCallerIdentityCommand({}))
      if (Arn !== undefined) identities.add(Arn)
    },
    () => s3.send(new PutObjectCommand({ ...object, Body: 'all is well' })),
    async () => {
      const { Body } = await s3.send(new GetObjectCommand(object))
      await Body?.transformToString()
    },
  ]

  const make = async (call: () => Promise<unknown>) => {
    const startedAt = performance.now()
    try {
      await call()
    } catch (error) {
      failures.push(nameOf(error))
    }
    durationsMs.push(performance.now() - startedAt)
  }

  return {
    durationsMs,
    failures,
    identities,
    run: async (signal) => {
      while (!signal.aborted) {
        for (const call of calls) await make(call)
        await sleep(PAUSE_MS)
      }
    },
  }
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
