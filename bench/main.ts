// `npm run bench`: measures, simulates, draws, and writes bench/RESULTS.md, bench/day.svg and README's section "Measured".
// `--quick` takes a few samples and writes nothing. `--chart` draws only the charts.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { forgetAwsSettings } from '../examples/forget-aws-settings.js'
import { DARK, drawDay, LIGHT } from './chart.js'
import { openLaboratory, ROOT } from './laboratory.js'
import { measureAll } from './measurements.js'
import { nodeLines } from './node-lines.js'
import {
  choiceTable,
  detailTable,
  type Measured,
  measurementsTable,
  NOISE,
  partsTable,
  targetsTable,
} from './results.js'
import { reportSimulation, simulateDays } from './simulation/report.js'
import type { Subject } from './simulation/subjects.js'
import type { Outcome } from './simulation/simulate.js'

const isQuick = process.argv.includes('--quick')
const rounds = isQuick ? { few: 1, many: 1 } : { few: 15, many: 21 }

// The simulated providers read this process's environment.
forgetAwsSettings()

if (process.argv.includes('--chart')) {
  writeCharts(await simulateDays())
  process.exit()
}

const botocoreVersion = findBotocore()
const lines = nodeLines()
const simulation = await reportSimulation(isQuick)
const measured: Measured = { rows: await measure(), outcomes: simulation.outcomes, lines }
const choice = choiceTable(measured)
const measurements = measurementsTable(measured.rows)

if (!isQuick) writeResults()
console.log([choice, targetsTable(measured), measurements].join('\n\n'))
if (isQuick) console.log('\nIn brief, and so not written down.')

function writeCharts(days: ReadonlyMap<Subject, Outcome>): void {
  writeFileSync(`${ROOT}bench/day.svg`, drawDay(days, LIGHT))
  writeFileSync(`${ROOT}bench/day-dark.svg`, drawDay(days, DARK))
}

function writeResults(): void {
  writeCharts(simulation.days)
  writeFileSync(`${ROOT}bench/RESULTS.md`, results())
  writeBlock('README.md', 'measured', choice)
  writeBlock('bench/where-the-time-goes.md', 'parts', partsTable(measured.rows))
}

/** Replaces what is between the comments `<!-- name -->` and `<!-- /name -->` of a file. */
function writeBlock(file: string, name: string, text: string): void {
  const page = readFileSync(`${ROOT}${file}`, 'utf8')
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest] = page.split(begin)
  const [, after] = rest?.split(end) ?? []
  if (before === undefined || after === undefined) throw new Error(`${file} has no block ${name}`)
  writeFileSync(`${ROOT}${file}`, `${before}${begin}\n\n${text}\n\n${end}${after}`)
}

async function measure(): Promise<Awaited<ReturnType<typeof measureAll>>> {
  await using laboratory = await openLaboratory()
  return await measureAll(laboratory, { rounds, withBotocore: botocoreVersion !== undefined, lines })
}

function results(): string {
  return `# Results

\`npm run bench\` writes this page. Do not edit it by hand.

${choice}

Measured figures are medians. Simulated figures come from one run, because every run gives the same figures. More figures:

${detailTable(measured)}

## Everything

${measurements}

Each cell has the median, and in parentheses the 10th and 90th percentiles where they differ. ${machine()}

## Targets

${targetsTable(measured)}

A limit with × is a ratio: our figure divided by that of the bare official provider, or of the provider that the row names. A ratio is
*met* up to ${NOISE} above its limit, because two runs of one program differ by that much. [Where the time goes](where-the-time-goes.md)
explains the missed targets.

## A day with outages

A stress test: a client makes one call a second, and IMDS does not answer for 20 minutes of every hour. The chart shows the providers that cache:

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="day-dark.svg">
  <img src="day.svg" alt="A simulated day with outages: which calls fail, and how long the credentials that callers get are valid" width="720">
</picture>

## How it is measured

Each figure is measured in ${rounds.few} or ${rounds.many} new processes for each contender. The contenders take turns. Imports and process starts are measured
on two versions of Node, everything else on ${lines[0].label}. IMDS is the emulated instance of \`instance-role/testing\`, on a loopback port in another
process. S3 is a small server on loopback that answers signed requests.

- *official, bare*: \`fromInstanceMetadata()\` of \`@smithy/credential-provider-imds\`, which caches nothing.
- *official, memoized*: the same provider, wrapped in the SDK's \`memoizeIdentityProvider\` as a client wraps it.
- *as SDK clients use it*: \`fromInstanceMetadata()\` of \`@aws-sdk/credential-providers\`, wrapped in the same memoizer (not wrapped
  where the process takes credentials only once).
- *ours : official* is our figure divided by that of *official, memoized* if the row has it, else of *official, bare*, else of *as SDK
  clients use it*.
- *After the import*: the measurement starts after the provider's package (and the S3 client, in the rows with clients) is imported.
  \`instance-role\` loads \`node:http\` after that, so its figure contains the loading. The official provider has loaded all of its
  code by then, so its figure does not. *As SDK clients use it*, the figure contains the code that the SDK loads at its first call.
  The rows *process start to …* contain all loading.
- *The whole process* and its CPU time are measured by bash's \`time\`, and contain all threads and the end of the process. *Last line
  of output to the end* is measured by the process that reads the output. *Empty program* is a program that only prints one line.
- *Cached call of an S3 client*: \`await client.config.credentials()\`. Each provider has its own client. The SDK memoizes the
  official provider.
- The memoizer returns the same object to all callers. \`instance-role\` returns a new copy each time, because the SDK writes to it.
- There is no config file, as on a new instance, except in two kinds of rows. *With a config file*: it names a region. *With a config
  file that has a setting of IMDS*: it sets \`metadata_service_timeout\`.
- *Process start* is the moment at which the operating system starts the process.

## The simulation

Time is simulated and the random source has a seed, so every run gives the same figures. The real code of the providers runs.
\`instance-role\` gets the simulation's clock, random source and dispatcher as parameters. The code of the SDK is unchanged; the
simulation replaces \`Date.now\`, \`Math.random\` and \`request\` of \`node:http\`, which that code calls. All providers ask the same emulated
instance over the same link. The simulation has the latency of responses, lost packets, refused and reset connections, and the idle
timeout of a socket. It does not have TCP itself (retransmission of a lost SYN, keep-alive), the time that code takes to run, or
bodies that arrive in pieces. A call *waits* if it takes any simulated time and is not the first call of its client.

The instance answers IMDSv2 only (\`HttpTokens\` \`required\`). Everything is simulated a second time on an instance that answers IMDSv1
too. If the outcome differs there, a row *IMDSv1 open* shows it.

${simulation.markdown}
`
}

function machine(): string {
  const processors = cpus()
  const versions = [
    ...lines.map(({ label }) => label),
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
