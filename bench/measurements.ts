import { COUNTING_HEAP, type Figures, type Laboratory, program, type RunOptions, ROOT } from './laboratory.js'
import type { NodeLine } from './node-lines.js'
import { bundleSize, installedSize } from './sizes.js'
import { type Spread, spreadOf } from './statistics.js'

export type Column =
  | 'instance-role'
  | 'official-bare'
  | 'official-memoized'
  | 'sdk-client'
  | 'sdk-default-chain'
  | 'botocore'
  | 'empty'

/** One row of the table. */
export interface Row {
  readonly what: string
  readonly unit: 'ns' | 'ms' | 'B' | 'KB' | ''
  readonly cells: Readonly<Partial<Record<Column, Spread>>>
}

const NODE_COLUMNS = ['instance-role', 'official-bare', 'official-memoized', 'sdk-client'] as const
const CACHING_COLUMNS = ['instance-role', 'official-memoized', 'sdk-client'] as const
/** An SDK client memoizes by itself. */
const CLIENT_COLUMNS = ['instance-role', 'official-bare', 'sdk-client'] as const

export const HUNDRED_CLIENTS = '100 S3 clients, until all have credentials, after the import'
export const INSTALLED = 'installed, beside `@aws-sdk/client-s3`'
export const CLIENT_CALL = 'cached call of an S3 client, `client.config.credentials()`'

/** How often each is measured, in separate processes that alternate. */
export interface Rounds {
  readonly few: number
  readonly many: number
}

export interface Plan {
  readonly rounds: Rounds
  readonly withBotocore: boolean
  /** The Node that runs the benchmark, for all rows, and a newer one for the rows about process start. */
  readonly lines: readonly [own: NodeLine, newer: NodeLine]
}

export async function measureAll(lab: Laboratory, { rounds, withBotocore, lines }: Plan): Promise<Row[]> {
  const [own, newer] = lines
  return [
    ...(await measureCachedCalls(lab, rounds, withBotocore)),
    ...(await measureLoads(lab, rounds, withBotocore)),
    ...(await measureCrowds(lab, rounds)),
    ...(await measureStarts(lab, rounds, own)),
    ...(await measureStarts(lab, rounds, newer)),
    ...(await measureParts(lab, rounds)),
    ...(withBotocore ? await measureBotocoreStart(lab, rounds) : []),
    ...(await measureHeap(lab, rounds)),
    ...(await measureSizes()),
  ]
}

async function measureCachedCalls(lab: Laboratory, { few }: Rounds, withBotocore: boolean): Promise<Row[]> {
  // Measured with the heap of an application: a heap that is never collected is not in the processor's cache.
  const runs = await inTurns(few, CACHING_COLUMNS, (name) => lab.run(program('cached-call', name)))
  const counted = await inTurns(few, CACHING_COLUMNS, (name) =>
    lab.run(program('cached-call', name), COUNTING_HEAP),
  )
  const inClients = await inTurns(few, CLIENT_COLUMNS, (name) =>
    lab.run(program('cached-call', name, 'client')),
  )
  const parts = await inTurns(few, ['instance-role'] as const, () => lab.run(program('cached-call-parts')))
  const events = await inTurns(few, ['instance-role'] as const, () => lab.run(program('events')))
  const python = await botocoreRuns(lab, few, withBotocore)
  return [
    row('cached call', 'ns', runs, 'ns', python('ns')),
    row(CLIENT_CALL, 'ns', inClients, 'ns'),
    row('part of a cached call: awaiting a promise', 'ns', parts, 'promiseNs'),
    row('part of a cached call: `Date.now()`', 'ns', parts, 'nowNs'),
    row('part of a cached call: `new Date()` for the expiration', 'ns', parts, 'dateNs'),
    row('part of a cached call: creating the object and its `$source`', 'ns', parts, 'objectNs'),
    row('allocated by a cached call', 'B', counted, 'bytes'),
    row('event with no listener', 'ns', events, 'silentNs'),
    row('event with one listener', 'ns', events, 'heardNs'),
  ]
}

const REFRESHES = 20

async function measureLoads(lab: Laboratory, { few, many }: Rounds, withBotocore: boolean): Promise<Row[]> {
  const first = await inTurns(many, NODE_COLUMNS, (name) => lab.run(program('load', name)))
  const refreshes = await inTurns(few, NODE_COLUMNS, async (name) => {
    const { requests: firstRequests = NaN } = first[name]?.[0] ?? {}
    const run = await lab.run(program('load', name, String(REFRESHES)))
    return { ...run, refreshRequests: ((run['requests'] ?? NaN) - firstRequests) / REFRESHES }
  })
  const python = await botocoreRuns(lab, Math.min(many, 7), withBotocore)
  return [
    row('first load on loopback, after the import', 'ms', first, 'firstLoadMs', python('firstLoadMs')),
    row('requests of the first load', '', first, 'requests', python('requests')),
    row('TCP connections of the first load', '', first, 'firstLoadConnections'),
    row('refresh on loopback', 'ms', refreshes, 'refreshMs'),
    row('requests of a refresh', '', refreshes, 'refreshRequests'),
    row('TCP connections of a refresh', '', refreshes, 'refreshConnections'),
  ]
}

async function measureCrowds(lab: Laboratory, { few }: Rounds): Promise<Row[]> {
  const calls = await inTurns(few, NODE_COLUMNS, (name) => lab.run(program('many-calls', name)))
  const clients = await inTurns(few, NODE_COLUMNS, (name) => lab.run(program('many-clients', name)))
  return [
    row('1,000 concurrent first calls, after the import', 'ms', calls, 'tookMs'),
    row('requests of the 1,000 calls', '', calls, 'requests'),
    row('TCP connections of the 1,000 calls', '', calls, 'connections'),
    row('failed calls of the 1,000', '', calls, 'failed'),
    row(HUNDRED_CLIENTS, 'ms', clients, 'tookMs'),
    row('requests of the 100 clients', '', clients, 'requests'),
    row('TCP connections of the 100 clients', '', clients, 'connections'),
    row('failed clients of the 100', '', clients, 'failed'),
  ]
}

const MODULES = {
  'instance-role': 'instance-role',
  'official-bare': '@smithy/credential-provider-imds',
  'sdk-client': '@aws-sdk/credential-providers',
} as const
const STARTS = {
  'instance-role': 'instance-role',
  'official-bare': 'official',
  'sdk-client': 'sdk',
  'sdk-default-chain': 'chain',
} as const
const STARTING_COLUMNS = ['instance-role', 'official-bare', 'sdk-client'] as const
const STARTING_WITH = {
  credentials: STARTING_COLUMNS,
  // A client without `credentials`.
  request: [...STARTING_COLUMNS, 'sdk-default-chain'],
} as const

/** The kinds of process, and the names of their rows. */
export const STARTS_FOR = {
  credentials: 'process start to first credentials',
  withFile: 'process start to first credentials, with a config file',
  withSettings: 'process start to first credentials, with a config file that has a setting of IMDS',
  request: 'process start to first signed S3 request',
} as const

/** The figures of a whole process, and the names of their rows. */
export const OF_PROCESS = {
  wallMs: 'the whole process, to its end',
  cpuMs: 'CPU time of the process',
  exitMs: 'last line of output to the end of the process',
} as const

export const IMPORT = 'import, minus the import of an empty module'

async function measureStarts(lab: Laboratory, { many }: Rounds, line: NodeLine): Promise<Row[]> {
  const run = async (kind: 'credentials' | 'request', options: RunOptions = {}): Promise<Runs> =>
    inTurns(many, ['empty', ...STARTING_WITH[kind]] as const, (name) => {
      const file = name === 'empty' ? 'start/empty' : `start/${kind}-${STARTS[name]}`
      return lab.run(program(file), { ...options, command: line.executable })
    })
  const rowsOf = (what: string, runs: Runs): Row[] => [
    row(on(line, what), 'ms', runs, 'tookMs'),
    ...keysOf(OF_PROCESS).map((figure) =>
      row(on(line, `${what}: ${OF_PROCESS[figure]}`), 'ms', runs, figure),
    ),
  ]
  const { credentials, withFile, withSettings, request } = STARTS_FOR
  return [
    await measureImport(lab, many, line),
    ...rowsOf(credentials, await run('credentials')),
    ...rowsOf(withFile, await run('credentials', { configFile: '[default]\nregion = eu-central-1\n' })),
    ...rowsOf(
      withSettings,
      await run('credentials', { configFile: '[default]\nmetadata_service_timeout = 1\n' }),
    ),
    ...rowsOf(request, await run('request')),
  ]
}

/** Returns a row's name with its line of Node. */
export function on({ label }: NodeLine, what: string): string {
  return `${label}: ${what}`
}

async function measureImport(lab: Laboratory, rounds: number, line: NodeLine): Promise<Row> {
  const command = { command: line.executable }
  const runs = await inTurns(rounds, ['empty', ...STARTING_COLUMNS] as const, (name) =>
    lab.run(name === 'empty' ? program('import') : program('import', MODULES[name]), command),
  )
  const { empty, ...others } = runs
  const emptyMs = spreadOf(figures(empty, 'tookMs')).median
  const over = (each: readonly Figures[]): Figures[] =>
    each.map(({ tookMs = NaN }) => ({ tookMs: tookMs - emptyMs }))
  const overEmpty = Object.fromEntries(Object.entries(others).map(([name, each]) => [name, over(each)]))
  return row(on(line, IMPORT), 'ms', overEmpty, 'tookMs')
}

async function measureParts(lab: Laboratory, { many }: Rounds): Promise<Row[]> {
  const parts = await inTurns(many, ['instance-role'] as const, () => lab.run(program('parts')))
  return [
    row('part of the first load: loading `node:http`', 'ms', parts, 'httpMs'),
    row('part of the first load: loading `node:worker_threads` and creating a port', 'ms', parts, 'portMs'),
    row(
      "part of the first load, if a config file has a setting of IMDS: loading the SDK's config loader",
      'ms',
      parts,
      'configLoaderMs',
    ),
  ]
}

async function measureBotocoreStart(lab: Laboratory, { many }: Rounds): Promise<Row[]> {
  const python = await botocoreRuns(lab, Math.min(many, 7), true)
  const cellsOf = (figure: string): Row['cells'] => {
    const spread = python(figure)
    return spread === undefined ? {} : { botocore: spread }
  }
  return [
    { what: 'Python: import', unit: 'ms', cells: cellsOf('importMs') },
    { what: 'Python: the whole process, for first credentials', unit: 'ms', cells: cellsOf('startMs') },
  ]
}

async function measureHeap(lab: Laboratory, { few }: Rounds): Promise<Row[]> {
  const runs = await inTurns(few, NODE_COLUMNS, (name) => lab.run(program('heap', name), COUNTING_HEAP))
  return [row('heap of each of 1,000 providers', 'B', runs, 'bytes')]
}

async function measureSizes(): Promise<Row[]> {
  const packages = { ...MODULES } as const
  const bundles = {
    'instance-role': await bundleSize("export { fromInstanceRole } from 'instance-role'"),
    'official-bare': await bundleSize(
      "export { fromInstanceMetadata } from '@smithy/credential-provider-imds'",
    ),
    'sdk-client': await bundleSize("export { fromInstanceMetadata } from '@aws-sdk/credential-providers'"),
  }
  const kilobytes = (pick: (column: (typeof STARTING_COLUMNS)[number]) => number): Row['cells'] =>
    Object.fromEntries(STARTING_COLUMNS.map((column) => [column, exactly(pick(column) / 1_024)]))
  return [
    {
      what: 'installed, with dependencies',
      unit: 'KB',
      cells: kilobytes((column) => installedSize(packages[column]).bytes),
    },
    {
      what: INSTALLED,
      unit: 'KB',
      cells: {
        ...kilobytes((column) => installedSize(packages[column]).besidesSdkBytes),
        'sdk-default-chain': exactly(
          installedSize('@aws-sdk/credential-provider-node').besidesSdkBytes / 1_024,
        ),
      },
    },
    {
      what: 'bundled and minified',
      unit: 'KB',
      cells: kilobytes((column) => bundles[column].minifiedBytes),
    },
    {
      what: 'bundled, minified and gzipped',
      unit: 'KB',
      cells: kilobytes((column) => bundles[column].gzippedBytes),
    },
  ]
}

/** Returns figures by name. Empty if Python has no botocore. */
async function botocoreRuns(
  lab: Laboratory,
  rounds: number,
  isPresent: boolean,
): Promise<(figure: string) => Spread | undefined> {
  if (!isPresent) return () => undefined
  const runs: Figures[] = []
  for (let round = 0; round < rounds; round += 1) {
    const command = 'python3'
    const figuresOfRun = await lab.run([`${ROOT}bench/programs/botocore-peer.py`], { command })
    const { wallMs = NaN } = await lab.run([`${ROOT}bench/programs/botocore-start.py`], { command })
    runs.push({ ...figuresOfRun, startMs: wallMs })
  }
  return (figure) => spreadOf(figures(runs, figure))
}

/** The figures of every run, by contender. */
type Runs = Readonly<Record<string, readonly Figures[]>>

/** Runs them alternately, round after round, so that a busy moment of the machine affects all of them. */
async function inTurns<Name extends string>(
  rounds: number,
  names: readonly Name[],
  run: (name: Name) => Promise<Figures>,
): Promise<Runs> {
  const runs: Record<string, Figures[]> = {}
  for (let round = 0; round < rounds; round += 1)
    for (const name of names) (runs[name] ??= []).push(await run(name))
  return runs
}

function row(what: string, unit: Row['unit'], runs: Runs, figure: string, botocore?: Spread): Row {
  const cells = Object.fromEntries(
    Object.entries(runs).map(([name, each]) => [name, spreadOf(figures(each, figure))]),
  )
  return { what, unit, cells: { ...cells, ...(botocore !== undefined && { botocore }) } }
}

function figures(runs: readonly Figures[] | undefined, figure: string): number[] {
  return (runs ?? []).map((run) => run[figure] ?? NaN)
}

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] {
  const isKey = (key: string): key is Key => key in record
  return Object.keys(record).filter(isKey)
}

function exactly(value: number): Spread {
  return { median: value, p10: value, p90: value }
}
