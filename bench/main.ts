// `npm run bench`: measures, simulates, draws, and writes bench/RESULTS.md and README's section "Measured".
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { drawDay } from './chart.js'
import { openLaboratory, ROOT } from './laboratory.js'
import { measureAll } from './measurements.js'
import { measurementsTable, targetsTable } from './results.js'
import { reportSimulation } from './simulation/report.js'

const isQuick = process.argv.includes('--quick')
const rounds = isQuick ? { few: 2, many: 3 } : { few: 7, many: 21 }

process.env['AWS_CONFIG_FILE'] = '/dev/null'
process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/dev/null'

const botocoreVersion = findBotocore()
const simulation = await reportSimulation(isQuick)
const rows = await measure()
const summary = [
  targetsTable(rows, simulation.ours),
  'A day of a call a second, without IMDS for 20 minutes around every expiration:',
  simulation.excerpt,
  measurementsTable(rows),
  `Medians, with the 10th and 90th percentiles where they differ. ${machine()}`,
].join('\n\n')

writeFileSync(`${ROOT}bench/day.svg`, drawDay(simulation.days))
writeFileSync(`${ROOT}bench/RESULTS.md`, results())
const readme = readFileSync(`${ROOT}README.md`, 'utf8')
writeFileSync(
  `${ROOT}README.md`,
  readme.replace(/(<!-- measured -->)[\s\S]*(<!-- \/measured -->)/, (_, from: string, to: string) =>
    [from, summary, to].join('\n\n'),
  ),
)
console.log(summary)

async function measure(): Promise<Awaited<ReturnType<typeof measureAll>>> {
  await using laboratory = await openLaboratory()
  return await measureAll(laboratory, rounds, botocoreVersion !== undefined)
}

function results(): string {
  return `# Results

Written by \`npm run bench\`; not edited by hand.

<!-- measured -->

${summary}

<!-- /measured -->

![Time left on the credentials that callers get, over a day with outages](day.svg)

Grey: IMDS does not answer. Red: calls fail. Blue: the time left on what was handed out.

## How it is measured

Each figure comes from processes of its own, ${rounds.few} or ${rounds.many} of each contender, which take turns. IMDS is the emulated
instance of \`instance-role/testing\` on a loopback port in another process; S3 is a stand-in that answers signed requests.

- *official, bare*: \`fromInstanceMetadata()\` of \`@smithy/credential-provider-imds\`, which caches nothing.
- *official, memoized*: the same under the SDK's \`memoizeIdentityProvider\`, as a client puts it.
- *as SDK clients use it*: \`fromInstanceMetadata()\` of \`@aws-sdk/credential-providers\`, under the same memoizer (alone where
  the process only takes credentials once).
- *ours : official* compares with the memoized provider where there is one, else with what SDK clients use, else with the bare one.
- A memoized hit hands out one shared object; ours is a fresh copy, because the SDK writes to it.
- The process start counts from the operating system's start of the process; for botocore to the end of the process.

## The simulation

Virtual time, seeded dice: every run is the same. The providers' own code runs: ours with its clock, dice and \`fetch\` handed in;
the SDK's, unchanged, with \`Date.now\`, \`Math.random\` and \`request\` of \`node:http\` replaced by the simulation's. Both ask the same
emulated instance over the same link. Simulated are the answers' latency, lost packets, refused and reset connections, and the
idle timeout of a socket; not simulated are TCP itself (retransmission of a lost SYN, connections kept alive), the time that code
takes to run, and bodies that arrive in pieces. A call *waits* where it takes any simulated time at all and is not its client's first.

${simulation.markdown}
`
}

function machine(): string {
  const processors = cpus()
  const versions = [
    `Node ${process.versions.node}`,
    ...['@smithy/credential-provider-imds', '@aws-sdk/credential-providers', '@aws-sdk/client-s3'].map(
      (name) => `\`${name}\` ${versionOf(name)}`,
    ),
    ...(botocoreVersion === undefined ? [] : [`botocore ${botocoreVersion}`]),
  ]
  return `On ${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, ${process.platform}; ${versions.join(', ')}.`
}

function versionOf(name: string): string {
  const manifest: unknown = JSON.parse(readFileSync(`${ROOT}node_modules/${name}/package.json`, 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : ''
}

function findBotocore(): string | undefined {
  try {
    return execFileSync('python3', ['-c', 'import botocore; print(botocore.__version__)'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return undefined
  }
}
