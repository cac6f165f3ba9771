import { setTimeout as sleep } from 'node:timers/promises'
import { startVerifyingAwsEndpoint } from '../../../examples/emulated-aws/verifying-aws-endpoint.js'
import { emulateInstance } from '../../../src/testing/index.js'
import type { Check } from '../check.js'
import { parseSeen } from '../expectation.js'
import type { Installed } from './installed.js'
import type { UserProject } from './package-manager.js'
import { imds, lastLine } from './programs.js'

/** Two a second. */
const CALLS = 72
const LIFETIME_MS = 20_000
const BEFORE_MS = 6_000
const OUTAGE_MS = 25_000

/** Ten clients with default credentials, in an outage of IMDS that is longer than the credentials live; beside it, the SDK alone. */
export function outageChecks({ overridden, official }: Installed): Check[] {
  return [
    {
      section: 'default-chain',
      subject: 'an outage of 25 s',
      prove: async () => {
        const projects = [await official(), await overridden()]
        const [before, after] = await Promise.all(projects.map(liveThroughOutage))
        if (after?.failed !== 0) throw new Error(`calls failed: ${JSON.stringify(after)}`)
        if (before === undefined || before.failed === 0)
          throw new Error('There was no outage to live through.')
        const told = `${after.failed} of ${CALLS} calls failed, ${after.requests} requests`
        return `${told}; without the override ${before.failed}, ${before.requests} requests`
      },
    },
  ]
}

async function liveThroughOutage({ shell }: UserProject): Promise<{ failed: number; requests: number }> {
  await using instance = emulateInstance({ lifetimeMs: LIFETIME_MS, renewEveryMs: LIFETIME_MS })
  const { endpoint } = await instance.listen()
  // During an outage of IMDS, AWS goes on taking what it has issued.
  const aws = await startVerifyingAwsEndpoint({
    findCredentials: (key) => {
      const issued = instance.findCredentials(key)
      return issued && { ...issued, expiration: new Date(Date.now() + LIFETIME_MS) }
    },
  })
  const running = shell(`node default-chain-outage.mjs ${aws.url} ${CALLS}`, imds(endpoint))
  await sleep(BEFORE_MS)
  const end = instance.failUntilLifted('all', { status: 503 })
  await sleep(OUTAGE_MS)
  end()
  const { failed } = parseSeen(lastLine(await running))
  await aws.close()
  return { failed: Number(failed), requests: instance.requests.length }
}
