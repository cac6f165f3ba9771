// Fails if docs/observability.md says of events and log lines what is not so.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { FAULT_WORDS } from '../../src/testing/faults.js'
import type { Fault } from '../../src/testing/index.js'
import { iamRole, instanceProfile } from '../../src/testing/index.js'
import { MINUTE, setup } from '../setup.js'

const PAGE = readFileSync(new URL('../../docs/observability.md', import.meta.url), 'utf8')

interface WrittenLine {
  readonly at: number
  readonly level: string
  readonly text: string
}

interface HeardEvent {
  readonly name: string
  readonly members: readonly string[]
}

interface Day {
  readonly lines: WrittenLine[]
  readonly events: HeardEvent[]
  /** When a call failed. */
  readonly failures: number[]
}

/** Each is in force for some minutes; after the last of them, IMDS disables itself. */
const FAULTS: readonly Fault[] = [
  ...FAULT_WORDS,
  { status: 400 },
  { status: 429 },
  { status: 500 },
  { redirectTo: 'http://127.0.0.1:1/' },
  { missingField: 'Token' },
  { code: 'Failed' },
  { status: 403 },
]

type Scene = ReturnType<typeof setup>

/** What happens to the instance, by hour of the day. */
const TURNS: readonly (readonly [hour: number, happen: (scene: Scene) => void])[] = [
  [0, ({ instance }) => instance.disassociateProfile()],
  [0.5, ({ instance }) => instance.failUntilLifted('credentials', 'expired')],
  [0.5, ({ instance }) => instance.attachRole('app-role')],
  [1, ({ instance }) => instance.clearFaults()],
  // An outage that begins before the expiration of what is held, and ends after it.
  [5, ({ instance }) => instance.failUntilLifted('all', { status: 503 })],
  [11.5, ({ instance }) => instance.clearFaults()],
  [12, ({ instance }) => instance.forgetTokens()],
  [12, ({ instance }) => instance.fail('token', { status: 404 })],
  [
    12.5,
    ({ instance }) =>
      instance.replaceProfile(
        instanceProfile({ name: 'other-profile', role: iamRole({ name: 'other-role' }) }),
      ),
  ],
  ...FAULTS.flatMap((fault, index): (typeof TURNS)[number][] => [
    [13 + index / 10, ({ instance }) => instance.clearFaults()],
    [13 + index / 10, ({ instance }) => instance.failUntilLifted('credentials', fault)],
  ]),
  [15, ({ instance }) => instance.clearFaults()],
  [15.5, ({ instance }) => instance.disassociateProfile()],
  [23, ({ instance }) => instance.attachRole('late-role')],
]

const day: Day = { lines: [], events: [], failures: [] }

const CALL_EVERY_MINUTES = 3

/** Every second call insists on a fresh set, and one that waits for a role comes as the day begins. */
async function liveThroughTheDay(): Promise<void> {
  const write = (level: string) => (text: string) =>
    void day.lines.push({ at: scene.clock.now(), level, text: text.replace(/^instance-role: /, '') })
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const scene = setup({ httpTokens: 'optional', provider: { logger, imdsV1Fallback: true } })
  const startedAt = scene.clock.now()
  const upcoming = [...TURNS]
  for (let minute = 0; minute < 24 * 60; minute += CALL_EVERY_MINUTES) {
    while ((upcoming[0]?.[0] ?? Infinity) * 60 <= minute) upcoming.shift()?.[1](scene)
    if (minute === 0) await scene.provider.ready({ timeout: MINUTE / 2 }).catch(() => {})
    const call = scene.provider({ forceRefresh: minute % (2 * CALL_EVERY_MINUTES) === 0 })
    await call.catch(() => day.failures.push(scene.clock.now()))
    await scene.clock.advance(startedAt + (minute + CALL_EVERY_MINUTES) * MINUTE - scene.clock.now())
  }
}

function listen(): () => void {
  const stops = rowsOf('Events').map(([channel = '']) => {
    const name = channel.replaceAll('`', '')
    const hear = (payload: unknown): void => {
      const members = typeof payload === 'object' && payload !== null ? Object.keys(payload) : []
      day.events.push({ name, members })
    }
    subscribe(name, hear)
    return () => void unsubscribe(name, hear)
  })
  return () => stops.forEach((stop) => stop())
}

/** The cells of each row of the first table in a section. */
function rowsOf(section: string): readonly string[][] {
  const [, after = ''] = PAGE.split(`\n## ${section}\n`)
  const [text = ''] = after.split('\n## ')
  const rows = [...text.matchAll(/^\| (.+) \|$/gm)].map(([, row = '']) => row.split(' | '))
  return rows.slice(1)
}

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  role: '(?:app|other|late)-role',
  time: '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z',
  n: '\\d+',
  reason: '[A-Z_]+: [A-Z][^\\n]+',
  endpoint: 'http://[\\d.]+',
}

/** Every line of the table, as it says it. */
const DOCUMENTED_LINES = rowsOf('Logger').map(([level = '', line = '']) => {
  const text = line.replace(/^``?|``?$/g, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const pattern = text.replace(/<(\w+)>/g, (_, name: string) => PLACEHOLDERS[name] ?? 'no such placeholder')
  return { level: level.replaceAll('`', ''), line, pattern: new RegExp(`^${pattern}$`) }
})

/** Every channel of the table, with its members as it says them. */
const DOCUMENTED_EVENTS = new Map(
  rowsOf('Events').map(([channel = '', , members = '']) => [
    channel.replaceAll('`', ''),
    members.split(', ').map((member) => member.replaceAll('`', '')),
  ]),
)

beforeAll(async () => {
  const stop = listen()
  try {
    await liveThroughTheDay()
  } finally {
    stop()
  }
}, 60_000)

test('writes exactly the lines of the table', () => {
  const rowsFor = ({ level, text }: WrittenLine): string[] =>
    DOCUMENTED_LINES.filter((row) => row.level === level && row.pattern.test(text)).map(({ line }) => line)
  expect(day.lines.filter((line) => rowsFor(line).length !== 1)).toEqual([])
  const written = new Set(day.lines.flatMap(rowsFor))
  expect(DOCUMENTED_LINES.map(({ line }) => line).filter((line) => !written.has(line))).toEqual([])
})

test('publishes on every channel of the table, with every documented member', () => {
  for (const [name, documented] of DOCUMENTED_EVENTS) {
    const heard = day.events.filter((event) => event.name === name)
    const always = documented.filter((member) => !member.endsWith('?'))
    const seen = new Set(heard.flatMap(({ members }) => members))
    expect([name, [...seen].sort()]).toEqual([
      name,
      documented.map((member) => member.replace('?', '')).sort(),
    ])
    expect(heard.filter(({ members }) => !always.every((member) => members.includes(member)))).toEqual([])
  }
})

test('says that credentials are kept only while they are kept', () => {
  const kept = day.lines.filter(({ text }) => text.includes(' kept'))
  expect(kept.length).toBeGreaterThan(10)
  for (const { at, text } of kept) {
    const [, expiration = ''] = /which expire at (\S+), are kept/.exec(text) ?? []
    expect(Date.parse(expiration)).toBeGreaterThan(at)
  }
})

test('logs that calls fail at the first failed call and every 10 min, and nothing else until that is over', () => {
  const failing = day.lines.filter(({ level }) => level === 'error').map(({ at }) => at)
  const lastSaid = (at: number): number => Math.max(...failing.filter((said) => said <= at))
  expect(day.failures.length).toBeGreaterThan(40)
  expect(day.failures.filter((at) => at - lastSaid(at) >= 10 * MINUTE)).toEqual([])
  const pauses = failing.slice(1).map((at, index) => at - (failing[index] ?? at))
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(10 * MINUTE)
  const afterEach = day.lines.filter((_, index) => day.lines[index - 1]?.level === 'error')
  expect(afterEach.every(({ level, text }) => level === 'error' || /^calls succeed again/.test(text))).toBe(
    true,
  )
  const begun = day.events.filter(({ name }) => /calls-/.test(name)).map(({ name }) => name.slice(14))
  expect(begun).toEqual(['calls-failing', 'calls-recovered', 'calls-failing', 'calls-recovered'])
})

test('reports once that the role was detached', () => {
  expect(day.events.filter(({ name }) => name === 'instance-role:role-detached')).toHaveLength(1)
})
