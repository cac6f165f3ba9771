// Measures each part of a cached call by itself. They alternate, so that a busy moment of the machine affects all of them.
import { percentile } from '../statistics.js'
import { report } from './contenders.js'

const ROUNDS = 400
const CALLS = 2_000

const expiresAt = Date.now()
const cached = {
  accessKeyId: 'FAKE',
  secretAccessKey: 'fake',
  sessionToken: 'fake',
  expiration: new Date(expiresAt),
}

/** The result of each part is kept here, so that it is not optimized away. */
let kept: unknown

const parts = {
  promiseNs: async () => {
    for (let call = 0; call < CALLS; call += 1) await Promise.resolve(kept)
  },
  nowNs: () => {
    for (let call = 0; call < CALLS; call += 1) kept = Date.now()
  },
  dateNs: () => {
    for (let call = 0; call < CALLS; call += 1) kept = new Date(expiresAt)
  },
  objectNs: () => {
    for (let call = 0; call < CALLS; call += 1) {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = cached
      kept = { accessKeyId, secretAccessKey, sessionToken, expiration, $source: { CREDENTIALS_IMDS: '0' } }
    }
  },
} satisfies Record<string, () => Promise<void> | void>

const samples = Object.entries(parts).map(([name, run]) => ({ name, run, ns: new Array<number>() }))
for (let round = 0; round < ROUNDS; round += 1)
  for (const { run, ns } of samples) {
    const startedAt = performance.now()
    await run()
    ns.push(((performance.now() - startedAt) * 1e6) / CALLS)
  }
report(Object.fromEntries(samples.map(({ name, ns }) => [name, percentile(ns, 0.5)])))
