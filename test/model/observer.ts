import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { InstanceRoleCredentials, InstanceRoleProvider } from '../../src/index.js'
import { MINUTE, SECOND } from '../setup.js'
import {
  afterFailedTry,
  afterSet,
  isDue,
  isEarly,
  longestBackoffMs,
  type NextTry,
  type ReceivedSet,
  shortestPauseMs,
} from './next-try.js'
import { gaveUpEarly } from './giving-up.js'
import { ENDPOINT, type VirtualWorld, type WireRequest } from './virtual-world.js'

/** A promise that was broken: its number in the design, and how. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

/** One call of a provider, from its start to its end. */
export interface Call {
  readonly provider: InstanceRoleProvider
  readonly startedMs: number
  readonly blockedMs: number
  /** Whether the schedule requires a result without a wait. */
  readonly isOwedAtOnce: boolean
  /** The expiration of the cached credentials, if the running load may end while the provider is opened: they may be returned as well. */
  readonly heldWhileOpening: string | undefined
  /** The try that it must cause, if any. */
  readonly owed: OwedTry | undefined
  /** Number of loads that had started and ended before it. */
  readonly loadsBefore: Loads
  isEnded: boolean
  /** Ended by its caller or by the closing of its provider. */
  isCalledOff: boolean
}

interface Load {
  readonly firstRequest: number
  readonly isRoutine: boolean
  readonly clockSteps: number
  readonly startedMs: number
  readonly isColdStart: boolean
  readonly failedSteps: string[]
}

interface OwedTry {
  /** The promise that requires it. */
  readonly promise: number
  readonly why: string
  /** Whether it must start, because none is running. */
  readonly begins: boolean
  /** Whether the call must wait for its end. */
  readonly isWaitedFor: boolean
}

interface Loads {
  readonly begun: number
  readonly ended: number
}

/** The pause before the next try after a failure. */
export interface Backoff {
  /** In a row. */
  readonly failures: number
  /** As a share of the longest pause, 0 to 1. */
  readonly share: number
}

interface Failure {
  readonly atMs: number
}

const DEADLINE_MS = 10_000
const LONGEST_EXTENSION_MS = 4 * MINUTE
/** The longest pause if there are no credentials to serve. */
const LONGEST_PEACE_MS = 5 * SECOND
/** Full jitter under 60 s gives this many in a minute about once in 10¹⁰ minutes. */
const MOST_TRIES_A_MINUTE = 20
/** At a cold start, as many as fit into the deadline: 50 ms to 2 s apart, starting again after each step that succeeds. */
const MOST_ATTEMPTS = 30
const VERDICTS = ['NO_ROLE', 'IMDS_DISABLED', 'ROLE_NOT_ASSUMABLE', 'ROLE_NOT_FOUND', 'UNEXPECTED_STATUS']
const STEPS = ['token', 'role', 'credentials', 'metadata']
const TOKEN_PATH = '/latest/api/token'
/** How every key, secret and token of the emulated instance begins. */
const SECRET = 'FAKE'

/** A try is due; calls wait for it; the credentials have expired. */
export type Point = 'due' | 'hard' | 'expired'

/** What reports a running load: an event or a log line. */
export type Teller = 'load:start' | 'logger'

type Hear = (payload: Readonly<Record<string, unknown>>) => void

/** Watches a world from outside and says which promise is broken, if one is. */
export class Observer {
  readonly #world: VirtualWorld
  readonly #calls = new Set<Call>()
  readonly #broken: string[] = []
  readonly #loads = new Map<unknown, Load>()
  /** Loads that may have been cancelled. */
  readonly #orphans = new Set<unknown>()
  /** Providers that were called and are not closed. While there is one, the credentials are kept for all. */
  readonly #users = new Set<InstanceRoleProvider>()
  /** Providers that have opened their source. */
  readonly #opened = new WeakSet<InstanceRoleProvider>()
  readonly #shown: unknown[] = []
  readonly #stop: () => void
  #held: { readonly expiration: string; readonly roleName: string } | undefined
  #nextTry: NextTry | undefined
  #lastErrorCode: string | undefined
  /** The `Retry-After` of the response with which the last load failed. */
  #askedForMs = 0
  #lastTryAt = -Infinity
  #lastTryAtMs = -Infinity
  #durationsRestartedMs = -Infinity
  #loadsSeen: Loads = { begun: 0, ended: 0 }
  #failures: Failure[] = []
  /** Since the last credentials. */
  #failuresInARow = 0
  readonly #backoffs: Backoff[] = []
  /** IMDS has said, since the last credentials, that there are none. */
  #hasVerdict = false
  #isInvalidated = false
  /** IMDS has said, since the last credentials, that the role is gone. */
  #isWithdrawn = false
  #doCallsFail = false
  /** A caller asked for a try now, whatever the schedule says. */
  #isAskedFor = false
  #clockSteps = 0
  #blockedMs = 0
  #linesRead = 0
  #requestsRead = 0
  #routine: { readonly tokenTakenAt: number } | undefined
  #tokenTakenAt: number | undefined
  #tokenInUse: string | undefined
  readonly #callBacks: Record<Teller, (() => void)[]> = { 'load:start': [], logger: [] }

  constructor(world: VirtualWorld) {
    this.#world = world
    world.onLine = () => this.#callBack('logger')
    const hearers: Readonly<Record<string, Hear>> = {
      'load:start': ({ loadId }) => this.#onLoadStart(loadId),
      'load:attempt': ({ loadId, errorCode, step }) => {
        if (errorCode !== undefined) this.#loads.get(loadId)?.failedSteps.push(String(step))
      },
      'load:end': ({ loadId, attempts }) => this.#onLoadEnd(loadId, Number(attempts), undefined),
      'load:error': ({ loadId, attempts, errorCode, step }) => {
        this.#checkGivingUp(this.#loads.get(loadId), String(errorCode), String(step))
        this.#onLoadEnd(loadId, Number(attempts), String(errorCode))
      },
      refreshed: (event) =>
        this.#onRefreshed(String(event['roleName']), String(event['expiration']), event['isNew'] === true),
      'refresh-failed': (event) => this.#onKept(String(event['expiration']), String(event['nextRefresh'])),
      extended: (event) => {
        if (event['errorCode'] !== undefined)
          this.#onRefreshFailed(String(event['originalExpiration']), String(event['nextRefresh']))
      },
      'role-changed': () => {},
      'role-detached': () => {},
      'calls-failing': () => this.#onCallsFailing(),
      'calls-recovered': () => {
        if (!this.#doCallsFail) this.#fail(12, 'calls succeed again, it says, and never said that they fail')
        this.#doCallsFail = false
      },
      'v1-used': () => this.#fail(7, 'IMDSv1 was used'),
    }
    const stops = Object.entries(hearers).map(([name, hear]) => this.#listen(`instance-role:${name}`, hear))
    const onRejection = (): void => this.#fail(10, 'a rejection went unhandled')
    process.on('unhandledRejection', onRejection)
    this.#stop = () => {
      stops.forEach((stop) => stop())
      process.off('unhandledRejection', onRejection)
    }
  }

  #listen(name: string, hear: Hear): () => void {
    const onMessage = (payload: unknown): void => {
      this.#shown.push(payload)
      if (typeof payload === 'object' && payload !== null) hear(Object.fromEntries(Object.entries(payload)))
    }
    subscribe(name, onMessage)
    return () => void unsubscribe(name, onMessage)
  }

  stop(): void {
    this.#stop()
  }

  /** The credentials that the next call returns at once, as far as can be observed. */
  get heldUntil(): number | undefined {
    return this.#held === undefined ? undefined : Date.parse(this.#held.expiration)
  }

  get hasPendingCalls(): boolean {
    return this.#calls.size > 0
  }

  /** Time until something must happen to the cached credentials. 0 if there are none, or if it has happened. */
  untilMs(point: Point): number {
    const now = this.#world.clock.now()
    const { heldUntil } = this
    if (this.#nextTry === undefined || heldUntil === undefined || this.#isDue(now)) return 0
    const instants = { due: this.#nextTry.by, hard: this.#nextTry.hardAt, expired: heldUntil }
    return Math.max(0, instants[point] - now)
  }

  /** One per failure, except for those that the expiration cut short. */
  get backoffs(): readonly Backoff[] {
    return this.#backoffs
  }

  // The actions of the test.

  /** Watches a call to its end. The returned promise never rejects. */
  async watch(
    provider: InstanceRoleProvider,
    isForced: boolean,
    start: () => Promise<InstanceRoleCredentials>,
    signal?: AbortSignal,
  ): Promise<InstanceRoleCredentials | undefined> {
    const call = this.#expect(provider, isForced)
    signal?.addEventListener('abort', () => (call.isCalledOff = true), { once: true })
    if (isForced) {
      this.#failures = []
      this.#isAskedFor = true
    }
    this.#calls.add(call)
    this.#users.add(provider)
    try {
      const credentials = await start()
      this.#onSettled(call)
      this.#onCredentials(credentials, call.heldWhileOpening)
      return credentials
    } catch (error) {
      this.#onSettled(call)
      this.#onRejected(call, error)
      return undefined
    }
  }

  /** What a call that starts now must cause, and what it must get. */
  #expect(provider: InstanceRoleProvider, isForced: boolean): Call {
    const now = this.#world.clock.now()
    const { heldUntil } = this
    const isGood = heldUntil !== undefined && now < heldUntil - MINUTE
    return {
      provider,
      startedMs: this.#world.elapsedMs(),
      blockedMs: this.#blockedMs,
      isOwedAtOnce: !isForced && !this.#isInvalidated && isGood,
      heldWhileOpening: this.#isLoading && !this.#opened.has(provider) ? this.#held?.expiration : undefined,
      owed: this.#owedTry(now, isForced),
      loadsBefore: this.#loadsSeen,
      isEnded: false,
      isCalledOff: false,
    }
  }

  #owedTry(now: number, isForced: boolean): OwedTry | undefined {
    const begins = !this.#isLoading
    if (isForced) return { promise: 11, why: 'asks for a fresh set', begins, isWaitedFor: true }
    if (this.#isLeftInPeace(now)) return undefined
    if (this.#isInvalidated)
      return { promise: 11, why: 'comes after an invalidation', begins, isWaitedFor: true }
    const { heldUntil } = this
    if (heldUntil === undefined) return { promise: 11, why: 'finds nothing', begins, isWaitedFor: true }
    if (!this.#isDue(now)) return undefined
    if (now >= heldUntil) return { promise: 3, why: 'finds an expired set', begins, isWaitedFor: false }
    const isHard = this.#nextTry !== undefined && now >= this.#nextTry.hardAt
    return { promise: 4, why: 'comes when a try is due', begins, isWaitedFor: isHard }
  }

  get #isLoading(): boolean {
    return this.#loads.size + this.#orphans.size > 0
  }

  #isDue(now: number): boolean {
    return this.#nextTry !== undefined && isDue(now, this.#nextTry)
  }

  /** A try that left no credentials is remembered for a while, but no longer than that if the monotonic clock went back. */
  #isLeftInPeace(now: number): boolean {
    const from = Math.max(this.#lastTryAtMs, this.#durationsRestartedMs)
    const isWithin = this.#world.elapsedMs() < from + LONGEST_PEACE_MS
    return isWithin && (this.heldUntil === undefined || now >= this.heldUntil)
  }

  noteBlocked(durationMs: number): void {
    this.#blockedMs += durationMs
  }

  noteStep(): void {
    this.#clockSteps += 1
    this.#failures = []
    this.#routine = undefined
  }

  noteDurationsRestarted(): void {
    this.#durationsRestartedMs = this.#world.elapsedMs()
  }

  noteInvalidated(): void {
    if (this.#held !== undefined) this.#isInvalidated = true
    this.#isAskedFor = true
    this.#failures = []
  }

  /** Once. */
  atNext(teller: Teller, callBack: () => void): void {
    this.#callBacks[teller].push(callBack)
  }

  #callBack(teller: Teller): void {
    this.#callBacks[teller].splice(0).forEach((callBack) => callBack())
  }

  noteTokensForgotten(): void {
    this.#routine = undefined
    this.#tokenTakenAt = undefined
  }

  noteClosed(provider: InstanceRoleProvider): void {
    this.#users.delete(provider)
    for (const call of this.#calls) if (call.provider === provider) call.isCalledOff = true
    if (this.#users.size > 0) return
    // The credentials are forgotten, and a running load may end.
    this.#held = undefined
    this.#nextTry = undefined
    for (const loadId of this.#loads.keys()) this.#orphans.add(loadId)
    this.#loads.clear()
    this.#failures = []
    this.#isInvalidated = false
    this.#isWithdrawn = false
    this.#doCallsFail = false
    this.#lastErrorCode = undefined
    this.#hasVerdict = false
    this.#routine = undefined
  }

  // The actions of the library.

  #onSettled(call: Call): void {
    call.isEnded = true
    this.#calls.delete(call)
    const tookMs = this.#world.elapsedMs() - call.startedMs
    const ended = this.#loadsSeen.ended - call.loadsBefore.ended
    const hasWaited =
      tookMs > this.#blockedMs - call.blockedMs || (ended > 0 && call.heldWhileOpening === undefined)
    this.#opened.add(call.provider)
    if (call.isOwedAtOnce && hasWaited) this.#fail(4, `a caller waited ${tookMs} ms for a refresh`)
    this.#checkDeadline(call)
    if (call.owed !== undefined && !call.isCalledOff) this.#checkOwed(call.owed, call.loadsBefore)
  }

  #checkOwed({ promise, why, begins, isWaitedFor }: OwedTry, before: Loads): void {
    if (begins && this.#loadsSeen.begun === before.begun)
      this.#fail(promise, `a call that ${why} begins no try`)
    if (isWaitedFor && this.#loadsSeen.ended === before.ended)
      this.#fail(promise, `a call that ${why} does not wait for one`)
  }

  #onCredentials(credentials: InstanceRoleCredentials, alsoHeld: string | undefined): void {
    const now = this.#world.clock.now()
    const { expiration, originalExpiration } = credentials
    const trueExpiration = originalExpiration ?? expiration
    const given = trueExpiration.toISOString()
    if (this.#held !== undefined && given !== this.#held.expiration && given !== alsoHeld)
      this.#fail(5, `handed out ${given}, held is ${this.#held.expiration}`)
    if (trueExpiration.getTime() <= now) this.#onExpired(now, expiration, originalExpiration)
    if (trueExpiration.getTime() > now && originalExpiration !== undefined)
      this.#fail(3, 'an unexpired set says that it is extended')
  }

  #onExpired(now: number, expiration: Date, originalExpiration: Date | undefined): void {
    if (originalExpiration === undefined) {
      this.#fail(3, `handed out as good what expired at ${expiration.toISOString()}`)
      return
    }
    if (this.#lastTryAt < originalExpiration.getTime())
      this.#fail(3, 'handed out an expired set without a try since')
    if (expiration.getTime() <= now) this.#fail(3, 'an extension is over as it is handed out')
    // Also if the clock was corrected: a decision from an instant later than now does not count.
    if (expiration.getTime() > now + LONGEST_EXTENSION_MS)
      this.#fail(3, 'an extension is longer than four minutes')
    if (this.#lastErrorCode !== undefined && VERDICTS.includes(this.#lastErrorCode))
      this.#fail(3, `extended although IMDS said ${this.#lastErrorCode}`)
  }

  #onRejected(call: Call, error: unknown): void {
    this.#shown.push(error)
    if (call.isCalledOff) return
    const { heldUntil } = this
    if (heldUntil !== undefined && this.#world.clock.now() < heldUntil)
      this.#fail(
        2,
        `threw ${String(error)} while it held what is good until ${new Date(heldUntil).toISOString()}`,
      )
    this.#checkError(error)
  }

  #checkError(error: unknown): void {
    if (!(error instanceof Error) || error.name !== 'InstanceRoleError') {
      this.#fail(12, `threw what is not an InstanceRoleError: ${String(error)}`)
      return
    }
    const told = new Map<string, unknown>(Object.entries(error))
    if (!/^[A-Z][A-Z_]+$/.test(String(told.get('code')))) this.#fail(12, 'an error has no code')
    if (!STEPS.includes(String(told.get('step')))) this.#fail(12, `an error has no step: ${error.message}`)
    if (!isLongText(Reflect.get(error, 'hint'))) this.#fail(12, 'an error has no hint')
    if (!/^[A-Z].*\. .*[.:] .*errors\.md#[a-z0-9_]+$/.test(error.message))
      this.#fail(12, `not a sentence, a fix and a link in one line: ${error.message}`)
  }

  #onLoadStart(loadId: unknown): void {
    if (this.#loads.size > 0) this.#fail(6, 'a load began while another was under way')
    const now = this.#world.clock.now()
    this.#loadsSeen = { ...this.#loadsSeen, begun: this.#loadsSeen.begun + 1 }
    if (this.#nextTry !== undefined && isEarly(now, this.#nextTry) && !this.#isAskedFor)
      this.#fail(5, `a try came ${this.#nextTry.from - now} ms before its time`)
    const tokenTakenAt = this.#routine?.tokenTakenAt
    const isRoutine =
      tokenTakenAt !== undefined && now >= tokenTakenAt && now < tokenTakenAt + 5.9 * 60 * MINUTE
    const firstRequest = this.#world.wire.length
    const seen = { firstRequest, isRoutine, clockSteps: this.#clockSteps, failedSteps: [] }
    const isColdStart = this.#held === undefined
    this.#loads.set(loadId, { ...seen, startedMs: this.#world.elapsedMs(), isColdStart })
    this.#callBack('load:start')
  }

  #checkGivingUp(load: Load | undefined, errorCode: string, step: string): void {
    if (load === undefined) return
    const durationMs = this.#world.elapsedMs() - load.startedMs
    const retryAfterMs = this.#askedMs(load.firstRequest)
    if (gaveUpEarly({ ...load, errorCode, step, durationMs, retryAfterMs }))
      this.#fail(5, `a load gave up after ${durationMs} ms and failures at ${load.failedSteps.join(', ')}`)
  }

  /** By the last 429 since that request. */
  #askedMs(firstRequest: number): number {
    const throttled = this.#world.wire.slice(firstRequest).findLast(({ status }) => status === 429)
    return throttled?.retryAfterMs ?? 0
  }

  #onLoadEnd(loadId: unknown, attempts: number, errorCode: string | undefined): void {
    this.#checkWire()
    const load = this.#loads.get(loadId)
    this.#loads.delete(loadId)
    this.#orphans.delete(loadId)
    this.#loadsSeen = { ...this.#loadsSeen, ended: this.#loadsSeen.ended + 1 }
    // A load that was cancelled by closing.
    if (errorCode === 'CLOSED') return
    this.#lastErrorCode = errorCode
    this.#lastTryAt = this.#world.clock.now()
    this.#lastTryAtMs = this.#world.elapsedMs()
    this.#isAskedFor = false
    if (load !== undefined && errorCode !== undefined) this.#onLoadFailed(errorCode)
    if (load === undefined) return
    this.#askedForMs = errorCode === 'THROTTLED' ? Math.min(MINUTE, this.#askedMs(load.firstRequest)) : 0
    const requests = this.#world.wire.slice(load.firstRequest)
    // If the clock is set back to before the token's start, another token is due.
    const steps = this.#clockSteps - load.clockSteps
    const isRoutine = load.isRoutine && errorCode === undefined && attempts === 1 && steps === 0
    const puts = requests.filter(({ path }) => path === TOKEN_PATH).length
    // A cached token, even one from this load, is used if another one is due and cannot be had. Each GET asks for another one.
    const canStandIn = steps > 0 || this.#wasTokenTaken(load.firstRequest)
    const mostPuts = (canStandIn ? 2 : 1) * attempts + steps
    const isWithin = isRoutine
      ? requests.length <= 1
      : puts <= mostPuts && requests.length - puts <= 2 * attempts
    if (!isWithin)
      this.#fail(6, `a load of ${attempts} attempts made ${requests.length} requests, ${puts} of them PUT`)
    if (attempts > MOST_ATTEMPTS) this.#fail(6, `a load made ${attempts} attempts`)
    this.#noteRoutine(requests, errorCode === undefined, steps === 0)
  }

  /** Expired credentials that IMDS has withdrawn are not served. No event reports that; the next call tries again. */
  #onLoadFailed(errorCode: string): void {
    this.#isWithdrawn ||= VERDICTS.includes(errorCode)
    const now = this.#world.clock.now()
    if (this.#held === undefined || !this.#isWithdrawn || now < Date.parse(this.#held.expiration)) return
    this.#onRefreshFailed(this.#held.expiration, new Date(now).toISOString())
  }

  #onCallsFailing(): void {
    const { heldUntil } = this
    if (heldUntil !== undefined && this.#world.clock.now() < heldUntil)
      this.#fail(2, 'says that calls fail while it holds what is good')
    if (this.#doCallsFail) this.#fail(12, 'says twice that calls begin to fail')
    this.#doCallsFail = true
  }

  /** By any load before that request, even a cancelled one. */
  #wasTokenTaken(before: number): boolean {
    return this.#world.wire.slice(0, before).some(({ path, status }) => path === TOKEN_PATH && status === 200)
  }

  /** After a successful load without a failed PUT, the next load needs no other token. */
  #noteRoutine(requests: readonly WireRequest[], isGood: boolean, isSteady: boolean): void {
    // Loads that ask for another one have none.
    const token = requests.findLast((request) => request.token !== undefined)?.token ?? this.#tokenInUse
    const isAnother = token !== this.#tokenInUse
    const isAskedFor = requests.some(({ path }) => path === TOKEN_PATH)
    this.#tokenInUse = token
    // A token that an earlier load requested and did not use, or that came before the clock was set, can have any age.
    if (isAnother) this.#tokenTakenAt = isAskedFor && isSteady ? this.#world.clock.now() : undefined
    const isAskedInVain = !isAnother && isAskedFor
    const takenAt = isGood && isSteady && !isAskedInVain ? this.#tokenTakenAt : undefined
    this.#routine = takenAt === undefined ? undefined : { tokenTakenAt: takenAt }
  }

  #onRefreshed(roleName: string, expiration: string, isNew: boolean): void {
    // A fault can change the expiration of credentials.
    const isSame = !isNew && expiration === this.#held?.expiration
    this.#nextTry = afterSet(
      this.#world.clock.now(),
      this.#world.durationsMs(),
      this.#setThatEnds(Date.parse(expiration)),
      isSame ? this.#nextTry : undefined,
    )
    this.#held = { roleName, expiration }
    this.#failures = []
    this.#failuresInARow = 0
    this.#hasVerdict = false
    this.#isInvalidated = false
    this.#isWithdrawn = false
  }

  /** The instance can have other credentials by now, and a fault can have changed the expiration. */
  #setThatEnds(expiresAt: number): ReceivedSet {
    const { credentials } = this.#world.instance
    const lifeMs =
      credentials?.expiration.getTime() === expiresAt ? expiresAt - credentials.issuedAt : undefined
    return { expiresAt, shortestLifeMs: lifeMs ?? 0, longestLifeMs: lifeMs ?? Infinity }
  }

  #onKept(expiration: string, nextRefresh: string): void {
    if (this.#world.clock.now() >= Date.parse(expiration))
      this.#fail(5, `says that it keeps what expired at ${expiration}`)
    this.#onRefreshFailed(expiration, nextRefresh)
  }

  #onRefreshFailed(expiration: string, nextRefresh: string): void {
    if (this.#held !== undefined && expiration !== this.#held.expiration)
      this.#fail(5, `a failed refresh turned ${this.#held.expiration} into ${expiration}`)
    const now = this.#world.clock.now()
    this.#isInvalidated = false
    this.#hasVerdict ||= VERDICTS.includes(this.#lastErrorCode ?? '')
    this.#onBackoff(now, Date.parse(expiration), Date.parse(nextRefresh))
    this.#countFailure(now, Date.parse(expiration))
  }

  #onBackoff(now: number, expiresAt: number, nextTryAt: number): void {
    const before = this.#nextTry
    const delayMs = nextTryAt - now
    this.#failuresInARow += 1
    // No load failed: IMDS returned worse credentials than the cached ones.
    const isWorseSet = this.#lastErrorCode === undefined
    // Without the credentials, the number of failures is unknown.
    const isKnown = before !== undefined && !isWorseSet
    // `Retry-After` can ask for more, up to a minute.
    const isAsked = this.#lastErrorCode === 'THROTTLED'
    const longestMs = isKnown && !isAsked ? longestBackoffMs(this.#failuresInARow) : MINUTE
    const shortestMs =
      isWorseSet && before !== undefined
        ? shortestPauseMs(before, now, expiresAt)
        : this.#shortestMs(now, expiresAt)
    // An event has whole milliseconds.
    if (delayMs <= shortestMs - 1 || delayMs > longestMs)
      this.#fail(5, `the next try comes in ${delayMs} ms, not in ${shortestMs} to ${longestMs} ms`)
    if (before === undefined) return
    this.#nextTry = afterFailedTry(before, now, nextTryAt)
    const isCut =
      now < expiresAt ? now + longestMs > before.hardAt : VERDICTS.includes(this.#lastErrorCode ?? '')
    if (isKnown && !isCut && !isAsked)
      this.#backoffs.push({ failures: this.#failuresInARow, share: delayMs / longestMs })
  }

  /** `Retry-After` is obeyed, but not beyond the refresh-first point. */
  #shortestMs(now: number, expiresAt: number): number {
    const isExtended = now >= expiresAt && !this.#hasVerdict
    return isExtended || now + this.#askedForMs <= expiresAt - MINUTE ? this.#askedForMs : 0
  }

  #countFailure(now: number, expiresAt: number): void {
    const isBackedOff = now < expiresAt || !VERDICTS.includes(this.#lastErrorCode ?? '')
    const atMs = this.#world.elapsedMs()
    const recent = this.#failures.filter((failure) => failure.atMs > atMs - MINUTE)
    this.#failures = isBackedOff ? [...recent, { atMs }] : []
    if (this.#failures.length > MOST_TRIES_A_MINUTE)
      this.#fail(5, `${this.#failures.length} failed tries within a minute`)
  }

  // Checks that can be made at any moment.

  /** @throws {BrokenPromise} the first broken promise, after each event */
  check(providers: readonly InstanceRoleProvider[]): void {
    this.#calls.forEach((call) => this.#checkDeadline(call))
    this.#checkWire()
    this.#checkHandles()
    this.#checkShown(providers)
    this.#checkStatus(providers)
    const [first] = this.#broken
    if (first !== undefined) throw new BrokenPromise(first)
  }

  /** @throws {BrokenPromise} */
  insist(promise: number, isKept: boolean, what: string): void {
    if (!isKept) this.#fail(promise, what)
    this.check([])
  }

  #checkDeadline(call: Call): void {
    const tookMs = this.#world.elapsedMs() - call.startedMs
    const allowedMs = DEADLINE_MS + 2 * (this.#blockedMs - call.blockedMs)
    if (tookMs > allowedMs) this.#fail(1, `a call took ${tookMs} ms, and may take ${allowedMs} ms`)
  }

  #checkWire(): void {
    const { wire } = this.#world
    if (wire.length === this.#requestsRead) return
    wire.slice(this.#requestsRead).forEach((request) => this.#checkRequest(request))
    this.#requestsRead = wire.length
    // From the first one, because some are answered late.
    const refused = new Set<string>()
    for (const { path, token, status } of wire) {
      if (path === TOKEN_PATH && status === 200) refused.clear()
      if (token === undefined) continue
      if (refused.has(token)) this.#fail(6, `${path} was asked with a token that was refused before`)
      if (status === 401) refused.add(token)
    }
  }

  #checkRequest({ method, path, url, token }: WireRequest): void {
    if (!url.startsWith(`${ENDPOINT}/`)) this.#fail(8, `asked ${url}`)
    if (path !== TOKEN_PATH) {
      if (token === undefined) this.#fail(7, `${method} ${path} went out without a metadata token`)
    } else if (method !== 'PUT' || token !== undefined) this.#fail(8, 'the token went where tokens are made')
  }

  #checkHandles(): void {
    const { timers, waits } = this.#world.handles
    if (this.#calls.size > 0) return
    if (waits !== 0) this.#fail(10, `${waits} waits keep the process alive, and nobody waits`)
    if (!this.#isLoading && timers !== 0) this.#fail(10, `${timers} timers are left`)
  }

  #checkStatus(providers: readonly InstanceRoleProvider[]): void {
    const now = this.#world.clock.now()
    const isOver = this.heldUntil !== undefined && now >= this.heldUntil
    for (const { state, nextRefresh } of providers.map((provider) => provider.status())) {
      if (isOver && this.#isWithdrawn && nextRefresh !== undefined && Date.parse(nextRefresh) > now)
        this.#fail(5, `puts a try off to ${nextRefresh} while it has nothing to serve`)
      if (isOver && (state === 'ok' || state === 'degraded')) this.#fail(3, `is ${state} with an expired set`)
      const isGood = this.heldUntil !== undefined && !isOver
      if (isGood && state === 'extended') this.#fail(3, 'is extended with a set that has not expired')
      if (isGood && state === 'failing') this.#fail(2, 'is failing while it holds what is good')
    }
  }

  #checkShown(providers: readonly InstanceRoleProvider[]): void {
    const lines = this.#world.lines.slice(this.#linesRead)
    this.#linesRead = this.#world.lines.length
    const shown = [...this.#shown.splice(0), ...providers.map((provider) => provider.status())]
    const text = [...lines, ...shown.map(textOf)].join('\n')
    if (text.includes(SECRET)) this.#fail(9, 'a secret was shown')
  }

  #fail(promise: number, how: string): void {
    this.#broken.push(`promise ${promise}: ${how}`)
  }
}

function isLongText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 20
}

/** Everything that a person or a log could see of a value. */
function textOf(value: unknown): string {
  if (!(value instanceof Error)) return JSON.stringify(value)
  return `${inspect(value, { depth: 4 })} ${JSON.stringify(value)} ${value.stack ?? ''}`
}

/** How long a load can run after nobody waits for it. */
export const LOAD_LEFT_OVER_MS: number = DEADLINE_MS + 10 * SECOND
