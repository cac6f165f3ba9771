import type { Check } from './check.js'
import { outputOf } from './child-process.js'
import { withInstance } from './controlled-instance.js'
import { parseSeen, requireSeen } from './expectation.js'
import { installedVersion } from './npm.js'
import { compileApplication } from './type-check.js'
import type { Workbench } from './workbench.js'

/** The first that leaves caching to a provider which is `memoized`, and that gives way to `refreshOnExpiredToken`. */
const OLDEST = '3.775.0'

const VERSIONS = [
  { name: 'oldest', range: OLDEST },
  { name: 'newest', range: 'latest' },
]

/** The packed package in clients of the oldest and the newest SDK, before a service that checks every signature. */
export function sdkChecks(workbench: Workbench): Check[] {
  return VERSIONS.flatMap(({ name, range }) => [
    { section: 'sdk', subject: `${name} SDK`, prove: () => proveSigning(workbench, range) },
    { section: 'sdk', subject: `${name} SDK, types`, prove: () => proveTypes(workbench, range) },
  ])
}

function project(workbench: Workbench, range: string): Promise<string> {
  const packages = [`@aws-sdk/client-s3@${range}`, 'typescript@5.9', '@types/node@20']
  return workbench.project(`sdk-${range}`, packages)
}

async function proveSigning(workbench: Workbench, range: string): Promise<string> {
  const cwd = await project(workbench, range)
  await withInstance(async ({ endpoint, control, aws }) => {
    const args = ['signed.mjs', endpoint, control, aws.url]
    const seen = parseSeen(await outputOf({ executable: process.execPath, args, cwd }))
    requireSeen(seen, { first: 'accepted', afterRefresh: 'accepted', recovered: 'accepted' })
    requireSequence(aws.requests)
  })
  return `client-s3 ${await installedVersion(cwd, '@aws-sdk/client-s3')}: signs, refreshes, recovers`
}

/** A set; another from the next request on; that one refused; and a third in its place. */
function requireSequence(
  requests: readonly { readonly accessKeyId: string | undefined; readonly verdict: string }[],
): void {
  const keys = [...new Set(requests.map(({ accessKeyId }) => accessKeyId))]
  const sequence = requests.map(({ accessKeyId, verdict }) => `${keys.indexOf(accessKeyId) + 1} ${verdict}`)
  const expected = ['1 accepted', '2 accepted', '2 expired', '3 accepted']
  requireSeen({ sequence: sequence.join(', ') }, { sequence: expected.join(', ') })
}

async function proveTypes(workbench: Workbench, range: string): Promise<string> {
  const cwd = await project(workbench, range)
  await compileApplication(cwd, 'application-of-sdk.mts', {
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
  })
  return 'credentials: fromInstanceRole() under strict'
}
