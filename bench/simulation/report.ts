import { isDeepStrictEqual } from 'node:util'
import { markdownTable } from 'markdown-table'
import { PACKETS_PER_REQUEST, PACKETS_PER_SECOND } from './metadata-link.js'
import { clients, DAY_OF_SHORT_SETS, DAY_WITH_OUTAGES, fleet, QUIET_DAY, withImdsV1 } from './scenarios.js'
import { type Subject, subject, SUBJECTS } from './subjects.js'
import { type Outcome, type Scenario, simulate } from './simulate.js'

/** The results of all subjects in all scenarios, and the day for the chart. */
export interface SimulationReport {
  readonly markdown: string
  readonly days: ReadonlyMap<Subject, Outcome>
  readonly outcomes: Readonly<Record<SimulatedContender, KeyOutcomes>>
}

/** The two providers of the SDK that a program can choose, and ours. */
export const CONTENDERS = ['sdk-client', 'sdk-default-chain', 'instance-role'] as const
export type SimulatedContender = (typeof CONTENDERS)[number]

/** The results of one of them, for the targets and for README's table. */
export interface KeyOutcomes {
  readonly quietDay: Outcome
  readonly dayWithOutages: Outcome
  readonly hundredClients: Outcome
}

const BARE: Subject = subject('official-bare')
const CACHING: readonly Subject[] = SUBJECTS.filter((one) => one !== BARE)

export async function reportSimulation(isQuick: boolean): Promise<SimulationReport> {
  // Each call of the bare provider loads again, which takes long even in simulated time.
  const quiet = await each(isQuick ? CACHING : SUBJECTS, QUIET_DAY)
  const days = await each(CACHING, DAY_WITH_OUTAGES)
  const short = await each(CACHING, DAY_OF_SHORT_SETS)
  const crowds = await eachOf(isQuick ? [100] : [1, 10, 100, 1_000], clients)
  const fleets = await eachOf(isQuick ? [10] : [1, 10, 100, 500], fleet)
  const hundred = crowds.get(100)
  const markdown = [
    '### A day, a call a second',
    '24 hours. IMDS has new credentials every hour, which expire after six hours. Each response takes 300 ms.',
    dayTable(quiet),
    '### The same day, without IMDS for 20 minutes of every hour',
    'A stress test: credentials can expire at every full hour, and IMDS does not answer from ten minutes before it until ten minutes after it.',
    dayTable(days),
    '### A day of credentials that expire after an hour, each published in an outage',
    'The hardest case: no provider can get the next credentials in time. It either fails or returns expired ones.',
    dayTable(short),
    '### Clients in one process, for a day',
    crowdTable('clients', crowds),
    '### Processes on one instance, for a day, all started in the same second',
    `The processes share one network interface, which lets ${PACKETS_PER_SECOND.toLocaleString('en')} packets a second through to IMDS. A request has its own connection, and counts as ${PACKETS_PER_REQUEST} packets, in both directions together. Packets above the limit are lost, and their request gets no response.`,
    "The instance answers IMDSv2 only (`HttpTokens` `required`), except in the rows *IMDSv1 open*. For the SDK's providers the difference is large: if their request for a metadata token is lost, they ask without a token. An instance with IMDSv2 only refuses that request, and one with IMDSv1 open answers it.",
    crowdTable('processes', fleets),
  ].join('\n\n')
  const keyOutcomes = (name: SimulatedContender): KeyOutcomes => ({
    quietDay: outcomeOf(quiet, name),
    dayWithOutages: outcomeOf(days, name),
    hundredClients: outcomeOf(hundred, name),
  })
  return {
    markdown,
    days: days.outcomes,
    outcomes: {
      'sdk-client': keyOutcomes('sdk-client'),
      'sdk-default-chain': keyOutcomes('sdk-default-chain'),
      'instance-role': keyOutcomes('instance-role'),
    },
  }
}

/** Simulates the day of the chart for every provider that caches. */
export async function simulateDays(): Promise<Outcomes> {
  return (await each(CACHING, DAY_WITH_OUTAGES)).outcomes
}

type Outcomes = ReadonlyMap<Subject, Outcome>

interface Compared {
  /** On an instance with IMDSv2 only. */
  readonly outcomes: Outcomes
  /** On an instance with IMDSv1 as well: only the results that differ. */
  readonly withImdsV1: Outcomes
}

async function each(subjects: readonly Subject[], scenario: Scenario): Promise<Compared> {
  const outcomes = new Map<Subject, Outcome>()
  const differing = new Map<Subject, Outcome>()
  for (const one of subjects) {
    const outcome = await simulate(one, scenario)
    outcomes.set(one, outcome)
    const other = await simulate(one, withImdsV1(scenario))
    if (!isDeepStrictEqual(other, outcome)) differing.set(one, other)
  }
  return { outcomes, withImdsV1: differing }
}

async function eachOf(
  counts: readonly number[],
  scenario: (count: number) => Scenario,
): Promise<ReadonlyMap<number, Compared>> {
  const compared = new Map<number, Compared>()
  for (const count of counts) compared.set(count, await each(CACHING, scenario(count)))
  return compared
}

function outcomeOf(compared: Compared | undefined, name: Subject['name']): Outcome {
  const outcome = compared?.outcomes.get(subject(name))
  if (outcome === undefined) throw new Error(`${name} was not simulated`)
  return outcome
}

function labelled({ outcomes, withImdsV1 }: Compared): (readonly [label: string, outcome: Outcome])[] {
  return [
    ...[...outcomes].map(([{ label }, outcome]) => [label, outcome] as const),
    ...[...withImdsV1].map(([{ label }, outcome]) => [`${label}, IMDSv1 open`, outcome] as const),
  ]
}

function dayTable(compared: Compared): string {
  const head = [
    '',
    'failed calls',
    'calls that waited',
    'longest wait',
    'calls given expired credentials',
    'requests',
  ]
  const rows = labelled(compared).map(([label, outcome]) => [
    label,
    count(outcome.failed),
    count(outcome.waited),
    seconds(outcome.longestWaitMs),
    count(outcome.servedExpired),
    count(outcome.requests),
  ])
  return markdownTable([head, ...rows], { align: ['l', 'r', 'r', 'r', 'r', 'r'] })
}

function crowdTable(what: string, crowds: ReadonlyMap<number, Compared>): string {
  const head = [
    what,
    '',
    'failed calls',
    'calls that waited',
    'all have credentials after',
    'requests in the first minute',
    'requests in the day',
    'requests in the busiest second after the first minute',
    'requests in the busiest minute after the first minute',
  ]
  const rows = [...crowds].flatMap(([size, compared]) =>
    labelled(compared).map(([label, outcome], index) => [
      index === 0 ? count(size) : '',
      label,
      count(outcome.failed),
      count(outcome.waited),
      outcome.allServedAfterMs === undefined ? 'never' : seconds(outcome.allServedAfterMs),
      count(outcome.firstMinuteRequests),
      count(outcome.requests),
      count(outcome.peakPerSecond),
      count(outcome.peakPerMinute),
    ]),
  )
  return markdownTable([head, ...rows], { align: ['r', 'l', 'r', 'r', 'r', 'r', 'r', 'r', 'r'] })
}

function count(value: number): string {
  return value.toLocaleString('en')
}

function seconds(ms: number): string {
  return ms === 0 ? '0' : `${(ms / 1_000).toFixed(1)} s`
}
