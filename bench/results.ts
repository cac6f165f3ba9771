import { markdownTable } from 'markdown-table'
import { CLIENT_CALL, type Column, IMPORT, OF_PROCESS, on, type Row, STARTS_FOR } from './measurements.js'
import type { NodeLine } from './node-lines.js'
import type { KeyOutcomes } from './simulation/report.js'
import type { Spread } from './statistics.js'

const COLUMNS: Readonly<Record<Column, string>> = {
  'instance-role': '`instance-role`',
  'official-bare': 'official, bare',
  'official-memoized': 'official, memoized',
  'sdk-client': 'as SDK clients use it',
  botocore: 'botocore',
  empty: 'empty program',
}

/** What each figure is set against, in the order of preference. */
const PEERS = ['official-memoized', 'official-bare', 'sdk-client'] as const

export function measurementsTable(rows: readonly Row[]): string {
  const columns = keysOf(COLUMNS).filter((column) => rows.some(({ cells }) => cells[column] !== undefined))
  const head = ['', ...columns.map((column) => COLUMNS[column]), 'ours : official']
  const body = rows.map((row) => [
    row.unit === '' ? row.what : `${row.what} (${row.unit})`,
    ...columns.map((column) => cell(row.cells[column])),
    ratioOf(row),
  ])
  return markdownTable([head, ...body], { align: ['l', ...columns.map(() => 'r' as const), 'r'] })
}

/** The rows that are part of something else. */
export function partsTable(rows: readonly Row[]): string {
  const parts = rows.filter(({ what }) => what.startsWith('part of'))
  const body = parts.map(({ what, unit, cells }) => [`${what} (${unit})`, cell(cells['instance-role'])])
  return markdownTable([['', ''], ...body], { align: ['l', 'r'] })
}

/** What was set out to be reached, and whether it is. */
export function targetsTable(measured: Measured): string {
  const targets = targetsOf(measured)
  const body = targets.map(({ what, limit, reached, isMet }) => [
    what,
    limit,
    reached,
    isMet ? 'met' : '**missed**',
  ])
  return markdownTable([['target', 'limit', 'measured', ''], ...body], { align: ['l', 'r', 'r', 'l'] })
}

/** For those who choose between the two, wins and losses alike; below it the SDK's default chain, which most use. */
export function choiceSection({ rows, outcomes, lines: [own] }: Measured): string {
  const { dayWithOutages, dayWithOutagesOfSdk, hundredClients, hundredClientsOfSdk } = outcomes
  const both = (label: string, unit: string, what = label): string[] => [
    label,
    ...(['sdk-client', 'instance-role'] as const).map(
      (column) => `${concise(median(rows, what, column))}${unit}`,
    ),
  ]
  const simulated = (label: string, sdk: number, ours: number): string[] => [
    label,
    concise(sdk),
    concise(ours),
  ]
  const body = [
    simulated(
      'failed calls: simulated day, 1 call/s, IMDS down for 20 min around each expiry',
      dayWithOutagesOfSdk.failed,
      dayWithOutages.failed,
    ),
    simulated(
      'calls that waited in that day, after the first',
      dayWithOutagesOfSdk.waited,
      dayWithOutages.waited,
    ),
    simulated(
      'requests to IMDS when 100 clients start (simulated)',
      hundredClientsOfSdk.firstMinuteRequests,
      hundredClients.firstMinuteRequests,
    ),
    both('requests of a refresh', ''),
    both(
      'time until 100 S3 clients all have credentials',
      ' ms',
      '100 S3 clients, first credentials of all, after the import',
    ),
    both('import', ' ms', on(own, IMPORT)),
    both('heap of each of 1,000 providers', ' B'),
    both('cached call of an S3 client', ' ns', CLIENT_CALL),
    both(STARTS_FOR.credentials, ' ms', on(own, STARTS_FOR.credentials)),
    both(STARTS_FOR.withFile, ' ms', on(own, STARTS_FOR.withFile)),
    both(STARTS_FOR.request, ' ms', on(own, STARTS_FOR.request)),
    both('CPU time of that process', ' ms', on(own, `${STARTS_FOR.request}: ${OF_PROCESS.cpuMs}`)),
    both('extra install size next to `@aws-sdk/client-s3`', ' KB', 'installed, beside `@aws-sdk/client-s3`'),
  ]
  const head = ['', "SDK's `fromInstanceMetadata()`", '`fromInstanceRole()`']
  const table = markdownTable([head, ...body], { align: ['l', 'r', 'r'] })
  return `${table}\n\n${aboutDefaultChain(outcomes)}`
}

function aboutDefaultChain(outcomes: KeyOutcomes): string {
  const { failed, waited } = outcomes.dayWithOutagesOfChain
  const { firstMinuteRequests } = outcomes.hundredClientsOfChain
  return `The SDK's default chain, which a client uses when it is given no credentials, comes to ${concise(failed)} failed calls in the same
simulated day, ${concise(waited)} that waited, and ${concise(firstMinuteRequests)} requests when 100 clients start. Simulated rows are single runs: every run is the same.`
}

/** All that a run of the benchmark found. */
export interface Measured {
  readonly rows: readonly Row[]
  readonly outcomes: KeyOutcomes
  readonly lines: readonly [own: NodeLine, newer: NodeLine]
}

interface Target {
  readonly what: string
  readonly limit: string
  readonly reached: string
  readonly isMet: boolean
}

/** By how much a ratio of two medians may exceed its limit: two runs of one program differ by that. */
export const NOISE = 0.05

function targetsOf(measured: Measured): Target[] {
  const { lines } = measured
  return [
    ...hitTargets(measured),
    ...requestTargets(measured),
    ...loadTargets(measured),
    ...lines.flatMap((line) => startTargets(measured, line)),
    ...weightTargets(measured),
  ]
}

function hitTargets({ rows }: Measured): Target[] {
  return [
    atMost('cached call, against the memoized hit', ratio(rows, 'cached call', 'official-memoized'), 1.15),
    atMost('cached call of an S3 client', ratio(rows, CLIENT_CALL, 'official-bare'), 1),
  ]
}

function requestTargets({ rows, outcomes }: Measured): Target[] {
  const { quietDay, dayWithOutages, hundredClients, hundredClientsOfSdk } = outcomes
  const troubled = [quietDay, dayWithOutages].reduce((sum, { waited, failed }) => sum + waited + failed, 0)
  return [
    most('requests of a refresh', median(rows, 'requests of a refresh'), 1, ''),
    most('calls that wait or fail in the quiet day and the day with outages, simulated', troubled, 0, ''),
    most(
      `requests when 100 clients start, simulated (SDK: ${hundredClientsOfSdk.firstMinuteRequests})`,
      hundredClients.firstMinuteRequests,
      3,
      '',
    ),
  ]
}

function loadTargets({ rows }: Measured): Target[] {
  const first = 'first load on loopback, after the import'
  const crowd = '1,000 concurrent first calls, after the import'
  return [
    atMost(first, ratio(rows, first, 'official-bare'), 1.3),
    atMost(`${crowd}, against the memoized provider`, ratio(rows, crowd, 'official-memoized'), 1.5),
  ]
}

function startTargets({ rows }: Measured, line: NodeLine): Target[] {
  const { credentials, withFile, request } = STARTS_FOR
  const against = (what: string, limit: number): Target =>
    atMost(on(line, what), ratio(rows, on(line, what), 'official-bare'), limit)
  const exits = [credentials, request].map((what) => {
    const exit = on(line, `${what}: ${OF_PROCESS.exitMs}`)
    return most(`${exit}, over an empty program`, median(rows, exit) - median(rows, exit, 'empty'), 20, ' ms')
  })
  return [
    most(on(line, IMPORT), median(rows, on(line, IMPORT)), 5, ' ms'),
    against(IMPORT, 0.3),
    against(credentials, 0.9),
    against(withFile, 1),
    against(request, 1),
    against(`${credentials}: ${OF_PROCESS.cpuMs}`, 1),
    against(`${request}: ${OF_PROCESS.cpuMs}`, 1),
    ...exits,
  ]
}

function weightTargets({ rows }: Measured): Target[] {
  const heap = 'heap of each of 1,000 providers'
  const installed = 'installed, beside `@aws-sdk/client-s3`'
  return [most(heap, median(rows, heap), 1_024, ' B'), most(installed, median(rows, installed), 300, ' KB')]
}

/** A ratio of ours to the official provider's, bare where nothing else is said. */
function atMost(what: string, reached: number, limit: number): Target {
  return { ...most(what, reached, limit, '×'), isMet: reached <= limit + NOISE }
}

function most(what: string, reached: number, limit: number, unit: string): Target {
  return { what, limit: `${limit}${unit}`, reached: `${concise(reached)}${unit}`, isMet: reached <= limit }
}

function ratio(rows: readonly Row[], what: string, peer: Column): number {
  return median(rows, what) / median(rows, what, peer)
}

function median(rows: readonly Row[], what: string, column: Column = 'instance-role'): number {
  const spread = rows.find((row) => row.what === what)?.cells[column]
  if (spread === undefined) throw new Error(`Nothing was measured as "${what}" of ${column}`)
  return spread.median
}

function ratioOf({ cells }: Row): string {
  const ours = cells['instance-role']
  const peer = PEERS.map((column) => cells[column]).find((spread) => spread !== undefined)
  if (ours === undefined || peer === undefined || peer.median === 0) return ''
  return `${concise(ours.median / peer.median)}×`
}

function cell(spread: Spread | undefined): string {
  if (spread === undefined) return ''
  const { median, p10, p90 } = spread
  const [least, most] = [concise(p10), concise(p90)]
  return least === most ? concise(median) : `${concise(median)} (${least}–${most})`
}

/** Three figures. */
function concise(value: number): string {
  return Number(value.toPrecision(value >= 1_000 ? 4 : 3)).toLocaleString('en')
}

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] {
  const isKey = (key: string): key is Key => key in record
  return Object.keys(record).filter(isKey)
}
