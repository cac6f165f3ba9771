// `npm run bench`: measures, simulates, draws, and writes bench/RESULTS.md, bench/day.svg and README's section "Measured".
// With `--quick`, all of it in brief, and nothing is written. With `--chart`, only the charts.
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

/** Between the comments `<!-- name -->` and `<!-- /name -->`. */
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

Written by \`npm run bench\`; not edited by hand.

${choice}

Medians, unless simulated. A simulated day is a single run: every run is the same. In more figures:

${detailTable(measured)}

## Everything

${measurements}

Medians, with the 10th and 90th percentiles where they differ. ${machine()}

## Targets

${targetsTable(measured)}

Ratios are to the bare official provider, where the row names no other; each is *met* up to ${NOISE} above its limit, which is the noise of
the machine. [Where the time goes](where-the-time-goes.md) explains what is missed.

## A day with outages

One call a second, and no IMDS for 20 minutes of every hour, which is a stress test. Providers that cache:

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="day-dark.svg">
  <img src="day.svg" alt="A simulated day with outages: which calls fail, and how long the credentials that callers get are valid" width="720">
</picture>

## How it is measured

Each figure comes from processes of its own, ${rounds.few} or ${rounds.many} of each contender, which take turns. What starts is measured on two
lines of Node, everything else on ${lines[0].label}. IMDS is the emulated instance of \`instance-role/testing\` on a loopback port in another process; S3 is a stand-in that answers signed requests.

- *official, bare*: \`fromInstanceMetadata()\` of \`@smithy/credential-provider-imds\`, which caches nothing.
- *official, memoized*: the same under the SDK's \`memoizeIdentityProvider\`, as a client puts it.
- *as SDK clients use it*: \`fromInstanceMetadata()\` of \`@aws-sdk/credential-providers\`, under the same memoizer (alone where
  the process only takes credentials once).
- *ours : official* compares with the memoized provider where there is one, else with the bare one.
- *After the import*: the clock starts when the provider's package has been imported (and the S3 client's, where there are clients).
  Ours loads \`node:http\` only then, which counts; the official provider has loaded all of its code by then, which does not count; as
  SDK clients use it, the part that the SDK loads at its first call counts. The rows *process start to …* count all of it.
- *The whole process* and its CPU time are what bash's \`time\` says, threads and the end of the process included. *Last line of output
  to the end* is measured by the process that reads the output; an empty program, which prints one line, takes turns with the others.
- *Cached call of an S3 client*: \`await client.config.credentials()\`, with each provider in a client of its own; the SDK memoizes the
  official one.
- A memoized hit hands out one shared object; ours is a fresh copy, because the SDK writes to it.
- There is no config file, as on an instance that nobody configured, but in the rows that say so: one names a region, the other one
  sets \`metadata_service_timeout\`.
- The process start counts from the operating system's start of the process.

## The simulation

Virtual time, a seeded random source: every run is the same. The providers' own code runs: ours with its clock, its random source and
its dispatcher handed in; the SDK's, unchanged, with \`Date.now\`, \`Math.random\` and \`request\` of \`node:http\` replaced by the simulation's. Both ask the same
emulated instance over the same link. Simulated are the answers' latency, lost packets, refused and reset connections, and the
idle timeout of a socket; not simulated are TCP itself (retransmission of a lost SYN, connections kept alive), the time that code
takes to run, and bodies that arrive in pieces. A call *waits* where it takes any simulated time at all and is not its client's first.

The instance answers IMDSv2 only (\`HttpTokens\` \`required\`). Everything was simulated on one that answers IMDSv1 too: where that
changes the outcome, there is a row *IMDSv1 open*; where there is none, the outcome is the same.

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
