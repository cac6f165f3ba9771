import { setTimeout as sleep } from 'node:timers/promises'
import type { EmulatedInstance } from 'instance-role/testing'
import { type Call, refreshMarginsMs, type SetInUse, tally } from './accounts.js'
import type { Application } from './application.js'
import type { FastTime } from './fast-time.js'
import { describeCalls, describeMargin, mask, type Narrator, timeOfDay } from './narrator.js'

/** An application in the demo, with what can be observed from outside. */
export interface Actor extends Application {
  /** The credentials that AWS was called with so far. */
  readonly sets: () => readonly SetInUse[]
  /** Number of its requests to IMDS so far. */
  readonly imdsRequests: () => number
}

export interface Stage {
  readonly instance: EmulatedInstance
  readonly time: FastTime
  readonly narrator: Narrator
  readonly actors: readonly Actor[]
}

/** What an application did in one act of the story. */
export interface Part {
  readonly calls: readonly Call[]
  readonly imdsRequests: number
}

/** The parts of all applications, in their order, by act. */
export type Told = ReadonlyMap<ActName, readonly Part[]>

export type ActName = 'up' | 'down' | 'up again' | 'another role' | 'slow'

interface Act {
  readonly name: ActName
  readonly hours: number
  /** The state of IMDS in this act. */
  readonly state: string
  /** The line that is printed at its start: subject and text. */
  readonly opening?: readonly [subject: string, text: string]
  /** Brings IMDS into that state. */
  readonly begin?: (instance: EmulatedInstance) => void
}

export const SLOW_ANSWER_MS = 500

const HOUR_MS = 3_600_000

const ACTS: readonly Act[] = [
  { name: 'up', hours: 5, state: 'IMDS answers' },
  {
    ...{
      name: 'down',
      hours: 1.5,
      state: 'IMDS is down',
      opening: ['IMDS', 'goes down: it resets every connection'],
    },
    begin: (instance) => void instance.failUntilLifted('all', 'reset'),
  },
  {
    ...{ name: 'up again', hours: 0.5, state: 'IMDS answers', opening: ['IMDS', 'recovers'] },
    begin: (instance) => instance.clearFaults(),
  },
  {
    ...{
      name: 'another role',
      hours: 1,
      state: 'IMDS answers',
      opening: ['The instance', 'gets another role: reporting-role'],
    },
    begin: (instance) => void instance.attachRole('reporting-role'),
  },
  {
    ...{
      name: 'slow',
      hours: 4.5,
      state: 'IMDS is slow',
      opening: ['IMDS', 'slows down: it takes 0.5 s for each answer'],
    },
    begin: (instance) => void instance.failUntilLifted('all', { delayMs: SLOW_ANSWER_MS }),
  },
]

/** Each application makes one call per step. */
const STEP_MS = 4 * 60_000
/** Real time for each step. */
const PACE_MS = 35
/** The longest silence for a watcher, in real time. */
const LONGEST_SILENCE_MS = 2_000

/** The whole story: half a day, in about 15 seconds. */
export async function tell(stage: Stage): Promise<Told> {
  const told = new Map<ActName, readonly Part[]>()
  const startedAt = stage.time.now()
  let endsAt = startedAt
  for (const act of ACTS) {
    if (act.opening !== undefined) stage.narrator.tell(stage.time.now() - startedAt, 'yellow', ...act.opening)
    act.begin?.(stage.instance)
    endsAt += act.hours * HOUR_MS
    told.set(act.name, await play(stage, { state: act.state, startedAt, endsAt }))
  }
  return told
}

async function play(
  stage: Stage,
  {
    state,
    startedAt,
    endsAt,
  }: { readonly state: string; readonly startedAt: number; readonly endsAt: number },
): Promise<Part[]> {
  const { time, narrator, actors } = stage
  const starts = actors.map((actor) => ({ calls: actor.calls.length, imdsRequests: actor.imdsRequests() }))
  const watchers = actors.map((actor) => watch(actor, stage, startedAt))
  let shown = starts.map(({ calls }) => calls)
  let shownAt = performance.now()
  const show = () => {
    const cells = actors.map((actor, index) => describeCalls(tally(actor.calls.slice(shown[index]))))
    narrator.row(`${timeOfDay(time.now() - startedAt)}  ${state}`, cells)
    shown = actors.map(({ calls }) => calls.length)
    shownAt = performance.now()
  }
  while (time.now() < endsAt) {
    await step(stage)
    for (const report of watchers) report()
    if (performance.now() - shownAt > LONGEST_SILENCE_MS) show()
  }
  show()
  return actors.map((actor, index) => ({
    calls: actor.calls.slice(starts[index]?.calls),
    imdsRequests: actor.imdsRequests() - (starts[index]?.imdsRequests ?? 0),
  }))
}

/** Every application makes a call, then time jumps, unless somebody still waits for a response. */
async function step({ time, actors }: Stage): Promise<void> {
  for (const actor of actors) actor.work()
  await sleep(PACE_MS)
  while (!time.isImdsAnswering && !time.isImdsQuiet) await sleep(1)
  if (!time.isImdsAnswering && actors.every(({ isWaiting }) => !isWaiting)) await time.leap(STEP_MS)
}

/** Returns a function that reports new credentials, and calls that begin to fail or to succeed. */
function watch(actor: Actor, { time, narrator }: Stage, startedAt: number): () => void {
  let sets = actor.sets().length
  let error = actor.calls.at(-1)?.error
  return () => {
    const elapsedMs = time.now() - startedAt
    const known = actor.sets()
    if (known.length > sets) narrator.tell(elapsedMs, 'green', actor.name, describeNewest(known))
    sets = known.length
    const last = actor.calls.at(-1)
    if (last === undefined || last.error === error) return
    error = last.error
    if (error === undefined) narrator.tell(elapsedMs, 'green', actor.name, 'succeeds again')
    else narrator.tell(elapsedMs, 'red', actor.name, `fails from now on: ${error}`)
  }
}

function describeNewest(sets: readonly SetInUse[]): string {
  const newest = sets.at(-1)
  const marginMs = refreshMarginsMs(sets).at(-1)
  if (newest === undefined) return ''
  const key = `${mask(newest.accessKeyId)}, ${newest.roleName}`
  return marginMs === undefined ? `has a key: ${key}` : `renews ${describeMargin(marginMs)} expiry: ${key}`
}
