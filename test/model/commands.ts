import fc from 'fast-check'
import type { InstanceRoleProvider } from '../../src/provider/from-instance-role.js'
import { FAULT_WORDS } from '../../src/testing/faults.js'
import { type Fault, iamRole, instanceProfile, type Step } from '../../src/testing/index.js'
import { HOUR, MINUTE, SECOND } from '../setup.js'
import { LOAD_LEFT_OVER_MS, Observer, type Point, type Teller } from './observer.js'
import { createWorld, type Subject, type VirtualWorld, type WorldOptions } from './virtual-world.js'

/** The events in the life of a provider, as data, so that a counterexample can be read and replayed. */
export type Happening =
  | {
      readonly kind: 'call'
      readonly who: number
      readonly count: number
      readonly force: boolean
      readonly wait: boolean
      readonly turns: number
      readonly abort: boolean
    }
  | { readonly kind: 'poll'; readonly who: number; readonly times: number; readonly everyMs: number }
  | { readonly kind: 'pass' | 'step-clock' | 'block'; readonly ms: number }
  | { readonly kind: 'reach'; readonly point: Point; readonly ms: number }
  | { readonly kind: 'rotate' | 'forget-tokens' | 'detach' | 'invalidate' | 'mend' }
  | { readonly kind: 'attach'; readonly role: string }
  | { readonly kind: 'metadata'; readonly enabled: boolean }
  | { readonly kind: 'fault'; readonly step: Step; readonly faults: readonly Fault[] }
  | { readonly kind: 'outage'; readonly step: Step; readonly fault: Fault; readonly ms: number }
  | { readonly kind: 'throttle'; readonly requestsPerSecond: number }
  | { readonly kind: 'false-date'; readonly ms: number }
  | { readonly kind: 'restart-durations'; readonly who: number; readonly isDown: boolean }
  | { readonly kind: 'wrong-clock'; readonly who: number; readonly isDown: boolean; readonly ms: number }
  | { readonly kind: 'call-back'; readonly who: number; readonly from: Teller }
  | { readonly kind: 'close'; readonly who: number }

/** A virtual world, two providers in it that share their credentials, and the observer. */
export interface Life {
  readonly world: VirtualWorld
  readonly observer: Observer
  readonly providers: InstanceRoleProvider[]
}

/** Turns of the event loop, far more than the longest load takes. */
const MOST_TURNS = 20_000

const fault = fc.constantFrom<Fault[]>(
  ...FAULT_WORDS,
  { status: 401 },
  { status: 403 },
  { status: 404 },
  { status: 405 },
  { status: 429, headers: { 'retry-after': '2' } },
  { status: 429, headers: { 'retry-after': '3600' } },
  { status: 500 },
  { delayMs: 300 },
  { delayMs: 900 },
  { delayMs: HOUR },
  { dripMs: 900 },
  { redirectTo: 'http://127.0.0.1/' },
  { missingField: 'Expiration' },
  { code: 'Failed' },
  { code: 'AssumeRoleUnauthorizedAccess' },
)
const step = fc.constantFrom<Step[]>('token', 'role', 'credentials', 'all')
const who = fc.nat(1)
const duration = fc.oneof(
  fc.integer({ min: 1, max: 90 }).map((seconds) => seconds * SECOND),
  fc.integer({ min: 1, max: 400 }).map((minutes) => minutes * MINUTE),
  fc.integer({ min: 0, max: 2_000 }),
  fc.integer({ min: 7, max: 72 }).map((hours) => hours * HOUR),
)

/** Any event; calls and the passing of time are the most frequent. */
export const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      who,
      count: fc.constantFrom(1, 1, 2, 20),
      force: fc.boolean(),
      wait: fc.boolean(),
      turns: fc.nat(40),
      abort: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 9),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: duration }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('reach' as const),
      point: fc.constantFrom<Point[]>('due', 'hard', 'expired'),
      ms: fc.integer({ min: -2_000, max: 2_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('step-clock' as const),
      ms: fc.tuple(duration, fc.constantFrom(1, -1)).map(([ms, sign]) => ms * sign),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('block' as const), ms: fc.nat(5_000) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(...(['rotate', 'forget-tokens', 'detach', 'invalidate', 'mend'] as const)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('attach' as const),
      role: fc.constantFrom('app-role', 'other-role'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('metadata' as const), enabled: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      step,
      faults: fc.array(fault, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('outage' as const), step, fault, ms: duration }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('throttle' as const), requestsPerSecond: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('poll' as const),
      who,
      times: fc.integer({ min: 2, max: 40 }),
      everyMs: fc.constantFrom(SECOND, SECOND, 10 * MINUTE),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('false-date' as const),
      ms: fc.integer({ min: -80, max: 80 }).map((hours) => hours * HOUR),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart-durations' as const), who, isDown: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('wrong-clock' as const),
      who,
      isDown: fc.boolean(),
      ms: duration,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('call-back' as const),
      who,
      from: fc.constantFrom<Teller[]>('load:start', 'logger'),
    }),
  },
)

/** The kinds of instance. */
export const worldOptions: fc.Arbitrary<WorldOptions> = fc
  .record({
    seed: fc.nat(),
    lifetimeMs: fc.constantFrom(6 * HOUR, 6 * HOUR, HOUR, 15 * MINUTE, 5 * MINUTE),
    renewEveryMs: fc.constantFrom(HOUR, 6 * HOUR),
    roleChanges: fc.constantFrom<('at-once' | 'at-renewal')[]>('at-once', 'at-renewal'),
  })
  .map((options) => options)

export function begin(subject: Subject, options: WorldOptions): Life {
  const world = createWorld(subject, options)
  const observer = new Observer(world)
  return { world, observer, providers: [world.createProvider(), world.createProvider()] }
}

type Happens<K extends Happening['kind']> = (
  life: Life,
  happening: Happening & { kind: K },
) => Promise<void> | void

const HAPPENS: { readonly [K in Happening['kind']]: Happens<K> } = {
  call: async (life, { who: index, count, force, wait, turns, abort }) => {
    const provider = providerOf(life, index)
    const controller = new AbortController()
    const calls = Array.from({ length: count }, (_, nth) =>
      watchCall(life, provider, force, abort && nth === 0 ? controller.signal : undefined),
    )
    for (let turn = 0; turn < turns; turn += 1) await nextTurn()
    if (abort) controller.abort(new Error('enough'))
    if (wait) await settle(life, calls)
  },
  poll: async (life, { who: index, times, everyMs }) => {
    for (let time = 0; time < times; time += 1) {
      await call(life, index, false)
      await life.world.clock.advance(everyMs)
    }
  },
  pass: ({ world }, { ms }) => world.clock.advance(ms),
  reach: ({ world, observer }, { point, ms }) =>
    world.clock.advance(Math.max(0, observer.untilMs(point) + ms)),
  'step-clock': (life, { ms }) => stepClock(life, ms),
  'false-date': ({ world }, { ms }) => {
    world.dateErrorMs = ms
  },
  'restart-durations': async (life, { who: index, isDown }) => {
    const lift = isDown ? life.world.instance.failUntilLifted('all', 'refuse') : () => {}
    for (let time = 0; isDown && time < 2; time += 1) await call(life, index, false)
    lift()
    life.observer.noteDurationsRestarted()
    life.world.restartDurations()
  },
  'wrong-clock': async (life, { who: index, isDown, ms }) => {
    const lift = isDown ? life.world.instance.failUntilLifted('all', 'refuse') : () => {}
    stepClock(life, ms)
    await call(life, index, false)
    lift()
    stepClock(life, -ms)
  },
  'call-back': (life, { who: index, from }) =>
    life.observer.atNext(from, () => void watchCall(life, providerOf(life, index), false)),
  block: ({ world, observer }, { ms }) => {
    observer.noteBlocked(ms)
    world.clock.blockEventLoop(ms)
  },
  rotate: ({ world: { instance } }) => {
    if (instance.profile !== undefined) instance.rotate()
  },
  'forget-tokens': ({ world, observer }) => {
    observer.noteTokensForgotten()
    world.instance.forgetTokens()
  },
  detach: ({ world: { instance } }) => {
    if (instance.profile !== undefined) instance.disassociateProfile()
  },
  attach: ({ world: { instance } }, { role }) => {
    const profile = instanceProfile({ name: `${role}-profile`, role: iamRole({ name: role }) })
    if (instance.profile === undefined) instance.associateProfile(profile)
    else instance.replaceProfile(profile)
  },
  invalidate: ({ observer, providers }) => {
    observer.noteInvalidated()
    providers.forEach((provider) => provider.invalidate())
  },
  metadata: ({ world: { instance } }, { enabled }) =>
    instance.modifyMetadataOptions({ metadataEnabled: enabled }),
  fault: ({ world: { instance } }, { step: where, faults }) => instance.fail(where, ...faults),
  outage: ({ world: { instance } }, { step: where, fault: what, ms }) =>
    void instance.failFor(ms, where, what),
  throttle: ({ world: { instance } }, { requestsPerSecond }) => void instance.throttle({ requestsPerSecond }),
  mend: ({ world: { instance } }) => {
    instance.clearFaults()
    instance.modifyMetadataOptions({ metadataEnabled: true })
  },
  close: async (life, { who: index }) => {
    const provider = providerOf(life, index)
    life.observer.noteClosed(provider)
    await provider.close()
    life.providers[index] = life.world.createProvider()
  },
}

/** Runs the event and everything that it starts. */
export async function happen(life: Life, it: Happening): Promise<void> {
  await apply(life, it)
  for (let turn = 0; turn < 3; turn += 1) await nextTurn()
  life.observer.check(life.providers)
}

function apply<K extends Happening['kind']>(
  life: Life,
  it: Happening & { readonly kind: K },
  happens: Happens<K> = HAPPENS[it.kind],
): Promise<void> | void {
  return happens(life, it)
}

/** The end of any life: recovery when nothing is wrong, and silence after everything is closed. */
export async function end(life: Life): Promise<void> {
  const { world, observer, providers } = life
  const { instance, clock } = world
  await happen(life, { kind: 'mend' })
  if (instance.profile === undefined) await happen(life, { kind: 'attach', role: 'late-role' })
  await clock.advance(LOAD_LEFT_OVER_MS)
  observer.check(providers)
  observer.insist(1, !observer.hasPendingCalls, 'a call is never settled')
  await seeAnotherSet(life)
  await seeAnotherSetAtOnce(life)
  await failOnce(life)
  for (const provider of providers) {
    observer.noteClosed(provider)
    await provider.close()
  }
  await clock.advance(LOAD_LEFT_OVER_MS)
  const { timers, sleeps, waits } = world.handles
  observer.insist(
    10,
    timers + sleeps + waits === 0,
    `${timers + sleeps + waits} handles are left after close()`,
  )
}

function stepClock({ world, observer }: Life, byMs: number): void {
  observer.noteStep()
  world.stepWallClock(byMs)
}

/** Plain calls find other credentials when the next try is due; the first call may still return the old ones. */
async function seeAnotherSet(life: Life): Promise<void> {
  const { world, observer, providers } = life
  world.instance.rotate()
  await world.clock.advance(observer.untilMs('due'))
  const inForce = world.instance.credentials?.accessKeyId
  await call(life, 0, false)
  await world.clock.advance(SECOND)
  observer.check(providers)
  const seen = await call(life, 0, false)
  observer.insist(
    11,
    seen?.accessKeyId === inForce,
    'another set is not seen by those who call when it is due',
  )
}

async function seeAnotherSetAtOnce(life: Life): Promise<void> {
  const { world, observer } = life
  world.instance.rotate()
  const fresh = await call(life, 0, true)
  const isFresh = fresh?.accessKeyId === world.instance.credentials?.accessKeyId
  observer.insist(11, isFresh, 'another set is not seen by who asks for a fresh one')
}

/** Events at the same instant in many lives: the caller compares when each comes back. */
async function failOnce(life: Life): Promise<void> {
  const { world, observer, providers } = life
  world.instance.modifyMetadataOptions({ metadataEnabled: false })
  await call(life, 0, true)
  world.instance.modifyMetadataOptions({ metadataEnabled: true })
  observer.check(providers)
}

/** Removes a life from the process, whatever its state, because the next one uses the same channels. */
export async function leave({ world, observer, providers }: Life): Promise<void> {
  await Promise.all(providers.map((provider) => provider.close()))
  await world.clock.advance(LOAD_LEFT_OVER_MS)
  observer.stop()
  await world.instance.close()
}

interface Given {
  readonly accessKeyId: string
}

/** Returns the result of a provider, or nothing if it rejects. */
async function call(life: Life, index: number, isForced: boolean): Promise<Given | undefined> {
  const [given] = await settle(life, [watchCall(life, providerOf(life, index), isForced)])
  return given
}

/** Waits for calls while anything can happen in the virtual world. A call that still waits then waits for ever. */
async function settle<T>({ observer }: Life, calls: readonly Promise<T>[]): Promise<readonly T[]> {
  let settled: readonly T[] | undefined
  void Promise.all(calls).then((all) => (settled = all))
  for (let turn = 0; settled === undefined && turn < MOST_TURNS; turn += 1) await nextTurn()
  if (settled === undefined) observer.insist(1, false, 'a call is never settled')
  return settled ?? []
}

function watchCall(
  { observer }: Life,
  provider: InstanceRoleProvider,
  forceRefresh: boolean,
  abortSignal?: AbortSignal,
): Promise<Given | undefined> {
  const start = () => provider({ forceRefresh, abortSignal })
  return observer.watch(provider, forceRefresh, start, abortSignal)
}

function providerOf({ providers }: Life, index: number): InstanceRoleProvider {
  const provider = providers[index]
  if (provider === undefined) throw new RangeError(`There is no provider ${index}`)
  return provider
}

const setTurn = setImmediate

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTurn(resolve))
}
