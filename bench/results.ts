import { markdownTable } from 'markdown-table'
import type { Column, Row } from './measurements.js'
import type { KeyOutcomes } from './simulation/report.js'
import type { Spread } from './statistics.js'

const COLUMNS: Readonly<Record<Column, string>> = {
  'instance-role': '`instance-role`',
  'official-bare': 'official, bare',
  'official-memoized': 'official, memoized',
  'sdk-client': 'as SDK clients use it',
  botocore: 'botocore',
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

/** What was set out to be reached, and whether it is. */
export function targetsTable(rows: readonly Row[], outcomes: KeyOutcomes): string {
  const targets = targetsOf(rows, outcomes)
  const body = targets.map(({ what, limit, reached, isMet }) => [
    what,
    limit,
    reached,
    isMet ? 'met' : '**missed**',
  ])
  return markdownTable([['target', 'limit', 'measured', ''], ...body], { align: ['l', 'r', 'r', 'l'] })
}

/** For those who choose between the two, wins and losses alike; below it the SDK's default chain, which most use. */
export function choiceSection(rows: readonly Row[], outcomes: KeyOutcomes): string {
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
    both('import', ' ms', 'import, over an empty module'),
    both('heap of each of 1,000 providers', ' B'),
    both('cached call', ' ns'),
    both('process start to first credentials', ' ms'),
    both('process start to first credentials, with a config file', ' ms'),
    both('process start to first signed S3 request', ' ms'),
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

export interface Target {
  readonly what: string
  readonly limit: string
  readonly reached: string
  readonly isMet: boolean
}

function targetsOf(rows: readonly Row[], outcomes: KeyOutcomes): Target[] {
  const ratio = (what: string, peer: Column): number => median(rows, what) / median(rows, what, peer)
  const againstBare = (what: string, limit: number): Target =>
    most(
      `${what}, against the bare \`@smithy/credential-provider-imds\``,
      ratio(what, 'official-bare'),
      limit,
      '×',
    )
  const { quietDay, dayWithOutages, hundredClients, hundredClientsOfSdk } = outcomes
  const troubled = [quietDay, dayWithOutages].reduce((sum, { waited, failed }) => sum + waited + failed, 0)
  return [
    most('cached call, against the memoized hit', ratio('cached call', 'official-memoized'), 2, '×'),
    most('cached call', median(rows, 'cached call'), 200, ' ns'),
    most('requests of a refresh', median(rows, 'requests of a refresh'), 1, ''),
    most('calls that wait or fail in the quiet day and the day with outages, simulated', troubled, 0, ''),
    most(
      `requests when 100 clients start, simulated (SDK: ${hundredClientsOfSdk.firstMinuteRequests})`,
      hundredClients.firstMinuteRequests,
      3,
      '',
    ),
    most('heap of each of 1,000 providers', median(rows, 'heap of each of 1,000 providers'), 1_024, ' B'),
    most('import, over an empty module', median(rows, 'import, over an empty module'), 5, ' ms'),
    againstBare('process start to first credentials', 1.3),
    againstBare('process start to first credentials, with a config file', 1.3),
    againstBare('process start to first signed S3 request', 1.1),
  ]
}

function most(what: string, reached: number, limit: number, unit: string): Target {
  return { what, limit: `${limit}${unit}`, reached: `${concise(reached)}${unit}`, isMet: reached <= limit }
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
