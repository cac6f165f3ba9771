import { COUNTING_HEAP, type Figures, type Laboratory, program, type RunOptions, ROOT } from './laboratory.js'
import { bundleSize, installedSize } from './sizes.js'
import { type Spread, spreadOf } from './statistics.js'

export type Column = 'instance-role' | 'official-bare' | 'official-memoized' | 'sdk-client' | 'botocore'

/** One line of the table. */
export interface Row {
  readonly what: string
  readonly unit: 'ns' | 'ms' | 'B' | 'KB' | ''
  readonly cells: Readonly<Partial<Record<Column, Spread>>>
}

const NODE_COLUMNS = ['instance-role', 'official-bare', 'official-memoized', 'sdk-client'] as const
const CACHING_COLUMNS = ['instance-role', 'official-memoized', 'sdk-client'] as const

/** How often each is measured, in processes of their own that take turns. */
export interface Rounds {
  readonly few: number
  readonly many: number
}

export async function measureAll(lab: Laboratory, rounds: Rounds, withBotocore: boolean): Promise<Row[]> {
  return [
    ...(await measureCachedCalls(lab, rounds, withBotocore)),
    ...(await measureLoads(lab, rounds, withBotocore)),
    ...(await measureCrowds(lab, rounds)),
    ...(await measureStarts(lab, rounds, withBotocore)),
    ...(await measureHeap(lab, rounds)),
    ...(await measureSizes()),
  ]
}

async function measureCachedCalls(lab: Laboratory, { few }: Rounds, withBotocore: boolean): Promise<Row[]> {
  // The time with the heap that applications have: one that is never collected is not in the processor's cache.
  const runs = await inTurns(few, CACHING_COLUMNS, (name) => lab.run(program('cached-call', name)))
  const counted = await inTurns(few, CACHING_COLUMNS, (name) =>
    lab.run(program('cached-call', name), COUNTING_HEAP),
  )
  const parts = await inTurns(few, ['instance-role'] as const, () => lab.run(program('cached-call-parts')))
  const events = await inTurns(few, ['instance-role'] as const, () => lab.run(program('events')))
  const python = await botocoreRuns(lab, few, withBotocore)
  return [
    row('cached call', 'ns', runs, 'ns', python('ns')),
    row('part of it: a promise, awaited', 'ns', parts, 'promiseNs'),
    row('part of it: `Date.now()`', 'ns', parts, 'nowNs'),
    row('part of it: `new Date()` of the expiration', 'ns', parts, 'dateNs'),
    row('part of it: the object and its `$source`', 'ns', parts, 'objectNs'),
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
    row('its requests', '', first, 'requests', python('requests')),
    row('its TCP connections', '', first, 'firstLoadConnections'),
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
    row('their requests', '', calls, 'requests'),
    row('their TCP connections', '', calls, 'connections'),
    row('calls among them that fail', '', calls, 'failed'),
    row('100 S3 clients, first credentials of all, after the import', 'ms', clients, 'tookMs'),
    row('their requests', '', clients, 'requests'),
    row('their TCP connections', '', clients, 'connections'),
    row('clients among them that fail', '', clients, 'failed'),
  ]
}

const MODULES = {
  'instance-role': 'instance-role',
  'official-bare': '@smithy/credential-provider-imds',
  'sdk-client': '@aws-sdk/credential-providers',
} as const
const STARTS = { 'instance-role': 'instance-role', 'official-bare': 'official', 'sdk-client': 'sdk' } as const
const STARTING_COLUMNS = ['instance-role', 'official-bare', 'sdk-client'] as const

async function measureStarts(lab: Laboratory, { many }: Rounds, withBotocore: boolean): Promise<Row[]> {
  const empty = await inTurns(many, ['instance-role'] as const, () => lab.run(program('import')))
  const emptyMs = spreadOf(figures(empty['instance-role'], 'tookMs')).median
  const imports = await inTurns(many, STARTING_COLUMNS, async (name) => {
    const { tookMs = NaN } = await lab.run(program('import', MODULES[name]))
    return { tookMs: tookMs - emptyMs }
  })
  const startToCredentials = (options?: RunOptions): Promise<Runs> =>
    inTurns(many, STARTING_COLUMNS, (name) => lab.run(program(`start/credentials-${STARTS[name]}`), options))
  const credentials = await startToCredentials()
  const withFile = await startToCredentials({ hasConfigFile: true })
  const requests = await inTurns(many, STARTING_COLUMNS, (name) =>
    lab.run(program(`start/request-${STARTS[name]}`)),
  )
  const node = await inTurns(many, ['instance-role'] as const, () => lab.run(program('start/empty')))
  const parts = await inTurns(many, ['instance-role'] as const, () => lab.run(program('parts')))
  const python = await botocoreRuns(lab, Math.min(many, 7), withBotocore)
  return [
    row('import, over an empty module', 'ms', imports, 'tookMs', python('importMs')),
    row('process start to first credentials', 'ms', credentials, 'tookMs', python('startMs')),
    row('process start to first credentials, with a config file', 'ms', withFile, 'tookMs'),
    row('process start to first signed S3 request', 'ms', requests, 'tookMs'),
    row('process start alone (Node)', 'ms', node, 'tookMs'),
    row("part of the first load: undici's Agent is loaded", 'ms', parts, 'agentMs'),
    row('part of it: Node loads its `fetch`, and uses it once', 'ms', parts, 'fetchMs'),
    row("part of it where there is a config file: the SDK's loader is loaded", 'ms', parts, 'configLoaderMs'),
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
      what: 'installed, beside `@aws-sdk/client-s3`',
      unit: 'KB',
      cells: kilobytes((column) => installedSize(packages[column]).besidesSdkBytes),
    },
    {
      what: 'bundled and minified',
      unit: 'KB',
      cells: kilobytes((column) => bundles[column].minifiedBytes),
    },
    { what: 'the same, gzipped', unit: 'KB', cells: kilobytes((column) => bundles[column].gzippedBytes) },
  ]
}

/** By figure; nothing where Python has no botocore. */
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

/** By contender. */
type Runs = Readonly<Record<string, readonly Figures[]>>

/** Round after round, each in its turn: a busy moment of the machine then befalls all alike. */
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

function exactly(value: number): Spread {
  return { median: value, p10: value, p90: value }
}
