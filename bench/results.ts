import { markdownTable } from 'markdown-table'
import {
  CLIENT_CALL,
  type Column,
  HUNDRED_CLIENTS,
  IMPORT,
  INSTALLED,
  OF_PROCESS,
  on,
  type Row,
  STARTS_FOR,
} from './measurements.js'
import type { NodeLine } from './node-lines.js'
import { CONTENDERS, type KeyOutcomes, type SimulatedContender } from './simulation/report.js'
import type { Outcome } from './simulation/simulate.js'
import type { Spread } from './statistics.js'

const COLUMNS: Readonly<Record<Column, string>> = {
  'instance-role': '`instance-role`',
  'official-bare': 'official, bare',
  'official-memoized': 'official, memoized',
  'sdk-client': 'as SDK clients use it',
  'sdk-default-chain': "SDK's default chain",
  botocore: 'botocore',
  empty: 'empty program',
}

/** The contenders that each figure is compared with, in order of preference. */
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

/** Returns the rows that are parts of another row. */
export function partsTable(rows: readonly Row[]): string {
  const parts = rows.filter(({ what }) => what.startsWith('part of'))
  const body = parts.map(({ what, unit, cells }) => [`${what} (${unit})`, cell(cells['instance-role'])])
  return markdownTable([['', ''], ...body], { align: ['l', 'r'] })
}

/** Returns the targets, and whether each is met. */
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

/** The table for the owner of a service, also in README: the figures of the SDK's two providers, and ours. */
export function choiceTable({ rows, outcomes, lines: [own, newer] }: Measured): string {
  const days = CONTENDERS.map((name) => outcomes[name])
  const starts = (line: NodeLine): (number | undefined)[] =>
    CONTENDERS.map((name) => find(rows, on(line, STARTS_FOR.request), name)?.median)
  const startsOnOwn = starts(own)
  const body = [
    [
      'failed calls of 86,400, IMDS down 20 min of every hour (a stress test, simulated)',
      ...days.map(({ dayWithOutages }) => concise(dayWithOutages.failed)),
    ],
    ['failed calls of 86,400, a quiet day (simulated)', ...days.map(({ quietDay }) => quietCell(quietDay))],
    [
      'requests to IMDS when 100 clients start (simulated)',
      ...days.map(({ hundredClients }) => concise(hundredClients.firstMinuteRequests)),
    ],
    [
      `${STARTS_FOR.request}, on ${majorOf(newer)} (and on ${majorOf(own)})`,
      ...starts(newer).map((ms, index) => startCell(ms, startsOnOwn[index])),
    ],
    [
      'added to the installed size of `@aws-sdk/client-s3`',
      ...CONTENDERS.map((name) => `${concise(median(rows, INSTALLED, name))} KB`),
    ],
  ]
  const head = ['', "SDK's `fromInstanceMetadata()`", "SDK's default chain", '`fromInstanceRole()`']
  return markdownTable([head, ...body], { align: ['l', 'r', 'r', 'r'] })
}

/** Without an outage no call fails, so the cell also says how many wait. */
function quietCell({ failed, waited }: Outcome): string {
  return waited === 0 ? concise(failed) : `${concise(failed)} (${concise(waited)} calls wait)`
}

function startCell(newerMs: number | undefined, ownMs: number | undefined): string {
  return newerMs === undefined || ownMs === undefined ? '—' : `${concise(newerMs)} ms (${concise(ownMs)})`
}

/** `Node 24` for `Node 24.21.0`. */
function majorOf({ label }: NodeLine): string {
  return label.split('.')[0] ?? label
}

/** The same comparison in more figures, wins and losses alike. */
export function detailTable({ rows, outcomes, lines: [own, newer] }: Measured): string {
  const { 'instance-role': ours, 'sdk-client': sdk } = outcomes
  const both = (label: string, unit: string, what = label): string[] => [
    label,
    ...(['sdk-client', 'instance-role'] as const).map(
      (column) => `${concise(median(rows, what, column))}${unit}`,
    ),
  ]
  const simulated = (label: string, figure: (outcomes: KeyOutcomes) => number): string[] => [
    label,
    concise(figure(sdk)),
    concise(figure(ours)),
  ]
  const started = (label: string, unit: string): string[][] =>
    [newer, own].map((line) => both(on(line, label), unit))
  const body = [
    simulated(
      'calls that fail, IMDS down 20 min of every hour (simulated)',
      ({ dayWithOutages }) => dayWithOutages.failed,
    ),
    simulated(
      'calls that wait, IMDS down 20 min of every hour, without the first call (simulated)',
      ({ dayWithOutages }) => dayWithOutages.waited,
    ),
    simulated(
      'requests to IMDS when 100 clients start (simulated)',
      ({ hundredClients }) => hundredClients.firstMinuteRequests,
    ),
    both('requests of a refresh', ''),
    both('time until 100 S3 clients all have credentials', ' ms', HUNDRED_CLIENTS),
    both('heap of each of 1,000 providers', ' B'),
    both('cached call of an S3 client', ' ns', CLIENT_CALL),
    ...started(IMPORT, ' ms'),
    ...started(STARTS_FOR.credentials, ' ms'),
    ...started(STARTS_FOR.withFile, ' ms'),
    ...started(STARTS_FOR.request, ' ms'),
    ...started(`${STARTS_FOR.request}: ${OF_PROCESS.cpuMs}`, ' ms'),
    both('extra install size next to `@aws-sdk/client-s3`', ' KB', INSTALLED),
  ]
  const head = ['', "SDK's `fromInstanceMetadata()`", '`fromInstanceRole()`']
  return markdownTable([head, ...body], { align: ['l', 'r', 'r'] })
}

/** The results of a run. */
export interface Measured {
  readonly rows: readonly Row[]
  readonly outcomes: Readonly<Record<SimulatedContender, KeyOutcomes>>
  readonly lines: readonly [own: NodeLine, newer: NodeLine]
}

interface Target {
  readonly what: string
  readonly limit: string
  readonly reached: string
  readonly isMet: boolean
}

/** The noise that a ratio of two medians may have: two runs of the same program differ by as much. */
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
    ratioAtMost(
      'cached call, compared with the memoized provider',
      ratio(rows, 'cached call', 'official-memoized'),
      1.15,
    ),
    ratioAtMost('cached call of an S3 client', ratio(rows, CLIENT_CALL, 'official-bare'), 1),
  ]
}

function requestTargets({ rows, outcomes }: Measured): Target[] {
  const { 'instance-role': ours, 'sdk-client': sdk } = outcomes
  const { quietDay, dayWithOutages, hundredClients } = ours
  const troubled = [quietDay, dayWithOutages].reduce((sum, { waited, failed }) => sum + waited + failed, 0)
  return [
    atMost('requests of a refresh', median(rows, 'requests of a refresh'), 1, ''),
    atMost('calls that wait or fail in the quiet day and the day with outages, simulated', troubled, 0, ''),
    atMost(
      `requests when 100 clients start, simulated (SDK: ${sdk.hundredClients.firstMinuteRequests})`,
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
    ratioAtMost(first, ratio(rows, first, 'official-bare'), 1.3),
    ratioAtMost(
      `${crowd}, compared with the memoized provider`,
      ratio(rows, crowd, 'official-memoized'),
      1.5,
    ),
  ]
}

function startTargets({ rows }: Measured, line: NodeLine): Target[] {
  const { credentials, withFile, request } = STARTS_FOR
  const against = (what: string, limit: number): Target =>
    ratioAtMost(on(line, what), ratio(rows, on(line, what), 'official-bare'), limit)
  const exits = [credentials, request].map((what) => {
    const exit = on(line, `${what}: ${OF_PROCESS.exitMs}`)
    return atMost(
      `${exit}, minus that of an empty program`,
      median(rows, exit) - median(rows, exit, 'empty'),
      20,
      ' ms',
    )
  })
  return [
    atMost(on(line, IMPORT), median(rows, on(line, IMPORT)), 5, ' ms'),
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
  return [
    atMost(heap, median(rows, heap), 1_024, ' B'),
    atMost(INSTALLED, median(rows, INSTALLED), 300, ' KB'),
  ]
}

/** Our figure divided by the official provider's, which is bare unless the text says otherwise. */
function ratioAtMost(what: string, reached: number, limit: number): Target {
  return { ...atMost(what, reached, limit, '×'), isMet: reached <= limit + NOISE }
}

function atMost(what: string, reached: number, limit: number, unit: string): Target {
  return { what, limit: `${limit}${unit}`, reached: `${concise(reached)}${unit}`, isMet: reached <= limit }
}

function ratio(rows: readonly Row[], what: string, peer: Column): number {
  return median(rows, what) / median(rows, what, peer)
}

function median(rows: readonly Row[], what: string, column: Column = 'instance-role'): number {
  const spread = find(rows, what, column)
  if (spread === undefined) throw new Error(`Nothing was measured as "${what}" of ${column}`)
  return spread.median
}

function find(rows: readonly Row[], what: string, column: Column): Spread | undefined {
  return rows.find((row) => row.what === what)?.cells[column]
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

/** Rounds to three significant digits, or to four from 1,000 on. */
function concise(value: number): string {
  return Number(value.toPrecision(value >= 1_000 ? 4 : 3)).toLocaleString('en')
}

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] {
  const isKey = (key: string): key is Key => key in record
  return Object.keys(record).filter(isKey)
}
