import { setTimeout as sleep } from 'node:timers/promises'
import type { EmulatedInstance } from 'instance-role/testing'
import type { SetInUse } from './accounts.js'
import { mask, type Narrator, seconds } from './narrator.js'

export interface Scene {
  readonly instance: EmulatedInstance
  readonly narrator: Narrator
  /** The sets that AWS has been called with so far. */
  readonly setsSoFar: () => readonly SetInUse[]
  /** How long each call has taken so far. */
  readonly durationsMs: readonly number[]
  readonly identities: ReadonlySet<string>
}

/** A time in which IMDS was slow or away, and what was counted in it. */
export interface Trouble {
  readonly durationMs: number
  readonly calls: number
  readonly longestCallMs: number
  readonly imdsRequests: number
}

export interface Told {
  readonly slowness: Trouble
  readonly outage: Trouble
}

/** No step of the story takes longer where everything works; where it does not, the summary says so. */
const PATIENCE_MS = 12_000

export const SLOW_ANSWER_MS = 500

/** A refresh in peace, one from a slow IMDS, one after an outage, and one to another role. About 20 seconds. */
export async function tell(scene: Scene): Promise<Told> {
  const { instance, narrator, setsSoFar, identities } = scene
  if (!(await until(() => setsSoFar().length > 0 && identities.size > 0))) return tellFailure(scene)
  tellHandshake(scene)
  await tellRefresh(scene)
  const slowness = await tellSlowness(scene)
  const outage = await tellOutage(scene)
  await tellRefresh(scene)
  instance.attachRole('reporting-role')
  narrator.tell('yellow', 'role swapped', 'the instance has another role from here on: reporting-role')
  await tellRefresh(scene)
  await until(() => identities.size > 1)
  narrator.tell('cyan', 'STS says', [...identities].at(-1) ?? 'nothing')
  await sleep(1_000)
  return { slowness, outage }
}

/** Nothing that follows can be seen; the summary says what is not so. */
function tellFailure({ narrator }: Scene): Told {
  narrator.tell('red', 'no credentials', `no call has come through in ${seconds(PATIENCE_MS)}`)
  const nothing = { durationMs: 0, calls: 0, longestCallMs: 0, imdsRequests: 0 }
  return { slowness: nothing, outage: nothing }
}

function tellHandshake({ instance, narrator, setsSoFar, identities }: Scene): void {
  for (const request of instance.requests) narrator.tell('cyan', 'handshake', request)
  const [first] = setsSoFar()
  if (first === undefined) return
  const profile = instance.profile?.name ?? 'none'
  narrator.tell('cyan', 'role found', `${first.roleName} (its instance profile is called ${profile})`)
  tellKey(narrator, first)
  narrator.tell('cyan', 'STS says', [...identities].at(-1) ?? 'nothing')
}

function tellKey(narrator: Narrator, { accessKeyId, roleName, expiresAt }: SetInUse): void {
  const left = seconds(expiresAt - Date.now())
  narrator.tell('green', 'key in use', `${mask(accessKeyId)} of ${roleName}, for another ${left}`)
}

async function tellRefresh({ narrator, setsSoFar }: Scene): Promise<void> {
  const count = setsSoFar().length
  await until(() => setsSoFar().length > count)
  const [before, next] = setsSoFar().slice(count - 1)
  if (before === undefined || next === undefined) return
  const early = seconds(before.expiresAt - next.firstUsedAt)
  narrator.tell('green', 'refreshed', `${early} before ${mask(before.accessKeyId)} expires`)
  tellKey(narrator, next)
}

async function tellSlowness(scene: Scene): Promise<Trouble> {
  const { instance, narrator } = scene
  const troubleSoFar = startCounting(scene)
  const lift = instance.failUntilLifted('credentials', { delayMs: SLOW_ANSWER_MS })
  narrator.tell('yellow', 'IMDS is slow', `it takes ${seconds(SLOW_ANSWER_MS)} to answer`)
  await tellRefresh(scene)
  lift()
  const slowness = troubleSoFar()
  const { calls, longestCallMs } = slowness
  narrator.tell(
    'yellow',
    'and well again',
    `of ${calls} calls meanwhile, none took over ${longestCallMs.toFixed(0)} ms`,
  )
  return slowness
}

/** Lasts past the next refresh, but not past the set that is held: AWS accepts no expired one, from nobody. */
async function tellOutage(scene: Scene): Promise<Trouble> {
  const { instance, narrator } = scene
  const troubleSoFar = startCounting(scene)
  const lift = instance.failUntilLifted('all', 'reset')
  narrator.tell('yellow', 'outage', 'IMDS resets every connection')
  const isMet = await until(() => troubleSoFar().imdsRequests > 0)
  const met = 'a refresh was due and got no answer; the calls go on with the key they have'
  narrator.tell('yellow', 'outage', isMet ? met : 'no refresh came')
  await sleep(1_000)
  lift()
  const outage = troubleSoFar()
  const { calls, imdsRequests, durationMs } = outage
  narrator.tell(
    'yellow',
    'outage over',
    `after ${seconds(durationMs)}, ${calls} calls and ${imdsRequests} requests lost`,
  )
  return outage
}

function startCounting({ instance, durationsMs }: Scene): () => Trouble {
  const startedAt = performance.now()
  const before = { calls: durationsMs.length, requests: instance.requests.length }
  return () => {
    const durations = durationsMs.slice(before.calls)
    return {
      durationMs: performance.now() - startedAt,
      calls: durations.length,
      longestCallMs: Math.max(0, ...durations),
      imdsRequests: instance.requests.length - before.requests,
    }
  }
}

/** False where it is given up. */
async function until(condition: () => boolean): Promise<boolean> {
  const givenUpAt = performance.now() + PATIENCE_MS
  while (!condition() && performance.now() < givenUpAt) await sleep(20)
  return condition()
}
