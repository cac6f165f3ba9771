import { setTimeout as sleep } from 'node:timers/promises'
import { type Runtime, systemRuntime } from '../../src/runtime/runtime.js'
import {
  emulateInstance,
  type EmulatedInstance,
  type Fault,
  type InstanceOptions,
} from '../../src/testing/index.js'
import {
  createSimulationClock,
  nextTurnOfEventLoop,
  type Settle,
  settleWithin,
  type SimulationClock,
} from './clock.js'
import { seededRandom } from './seeded-random.js'
import { MetadataLink } from './metadata-link.js'
import { requirePromptImports } from './prompt-imports.js'
import type { Ask, Served, Subject, SubjectName } from './subjects.js'
import { withVirtualNode } from './virtual-node.js'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** When IMDS is down, in milliseconds since the start. */
export interface Outage {
  readonly fromMs: number
  readonly toMs: number
}

/** The events of a simulation. */
export interface Scenario {
  readonly durationMs: number
  readonly processes?: number
  readonly clientsPerProcess?: number
  readonly latencyMs?: number
  readonly throttled?: boolean
  readonly outages?: readonly Outage[]
  /** How IMDS fails. */
  readonly fault?: Fault
  /** Pause between the calls of a client after the first minute, in which it calls once a second. */
  readonly callEveryMs?: number
  readonly instance?: InstanceOptions
  readonly seed?: number
}

/** One minute of the simulated day, of all clients together. */
export interface Minute {
  readonly calls: number
  readonly waited: number
  readonly failed: number
  /** True remaining life of the credentials that were last returned. Absent if there were none. */
  readonly remainingMs?: number
}

export interface Outcome {
  readonly calls: number
  /** Calls that took any time, without the first call of each client. */
  readonly waited: number
  readonly failed: number
  /** Calls that got expired credentials. */
  readonly servedExpired: number
  readonly longestWaitMs: number
  /** Time from the start until every client had credentials. Absent if one never had. */
  readonly allServedAfterMs?: number
  readonly requests: number
  /** Requests in the first minute. */
  readonly firstMinuteRequests: number
  readonly dropped: number
  /** The most requests in one second, after the first minute. */
  readonly peakPerSecond: number
  /** The most requests in one minute, after the first minute. */
  readonly peakPerMinute: number
  readonly minutes: readonly Minute[]
}

/** Simulates a scenario for a subject, in almost no real time. */
export async function simulate(subject: Subject, scenario: Scenario, turns = 4): Promise<Outcome> {
  const settle = settleWithin(turns)
  if (!warm.has(subject.name)) {
    await requirePromptImports(settle)
    await live(subject, { durationMs: 2 * SECOND }, inRealTime)
    warm.add(subject.name)
  }
  return live(subject, scenario, settle)
}

/** The subjects whose code is completely loaded, dynamic imports included. Loading takes real time, in which no simulated time may pass. */
const warm = new Set<SubjectName>()

function inRealTime(): Promise<void> {
  return sleep(150)
}

async function live(subject: Subject, scenario: Scenario, settle: Settle): Promise<Outcome> {
  const clock = createSimulationClock(Date.UTC(2026, 0, 1), settle)
  const world = new World(clock, subject, scenario)
  const { link, random } = world
  await withVirtualNode({ clock, link, random }, () => world.run())
  return world.outcome()
}

interface Client {
  readonly ask: Ask
  /** When it calls, within each round. */
  readonly offsetMs: number
  calls: number
  isServed: boolean
}

type MutableMinute = { -readonly [Key in keyof Minute]: Minute[Key] }

class World {
  readonly link: MetadataLink
  readonly random: () => number
  readonly #clock: SimulationClock
  readonly #instance: EmulatedInstance
  readonly #scenario: Scenario
  readonly #startAt: number
  readonly #clients: readonly Client[]
  readonly #minutes: MutableMinute[]
  #pending = 0
  #servedExpired = 0
  #longestWaitMs = 0
  #unserved: number
  #allServedAfterMs: number | undefined

  constructor(clock: SimulationClock, subject: Subject, scenario: Scenario) {
    const { latencyMs = 300, throttled = false, seed = 1 } = scenario
    this.#clock = clock
    this.#scenario = scenario
    this.#startAt = clock.now()
    this.#instance = emulateInstance({ clock, ...scenario.instance })
    this.link = new MetadataLink(this.#instance, { latencyMs, throttled })
    this.random = seededRandom(seed)
    this.#clients = this.#startClients(subject)
    this.#unserved = this.#clients.length
    this.#minutes = Array.from({ length: Math.ceil(scenario.durationMs / MINUTE) }, () => ({
      calls: 0,
      waited: 0,
      failed: 0,
    }))
    this.#planOutages()
  }

  async run(): Promise<void> {
    for (const roundMs of this.#rounds()) {
      for (const client of this.#clients) {
        const at = this.#startAt + roundMs + client.offsetMs
        if (this.#clock.isExpecting) await this.#clock.passTo(at)
        else void this.#clock.passTo(at)
        const { planned } = this.#clock
        this.#call(client)
        await this.#settleCall(planned)
      }
    }
    await this.#end()
  }

  /** Lets the work behind the calls finish before the next simulation starts. */
  async #end(): Promise<void> {
    for (let minute = 1; minute <= 5; minute += 1) {
      await sleep(5)
      await this.#clock.passTo(this.#startAt + this.#scenario.durationMs + minute * MINUTE)
    }
  }

  outcome(): Outcome {
    const { sentAt, dropped } = this.link
    const later = sentAt.filter((at) => at >= this.#startAt + MINUTE)
    return {
      calls: total(this.#minutes, 'calls'),
      waited: total(this.#minutes, 'waited'),
      failed: total(this.#minutes, 'failed'),
      servedExpired: this.#servedExpired,
      longestWaitMs: this.#longestWaitMs,
      ...(this.#allServedAfterMs !== undefined && { allServedAfterMs: this.#allServedAfterMs }),
      requests: sentAt.length,
      firstMinuteRequests: sentAt.length - later.length,
      dropped,
      peakPerSecond: busiest(later, SECOND),
      peakPerMinute: busiest(later, MINUTE),
      minutes: this.#minutes,
    }
  }

  #startClients(subject: Subject): Client[] {
    const { processes = 1, clientsPerProcess = 1 } = this.#scenario
    const clock = this.#clock
    const runtime: Runtime = {
      ...systemRuntime,
      now: () => clock.now(),
      elapsed: () => clock.now(),
      sleep: (delayMs) => clock.sleep(delayMs),
      after: (delayMs, callback) => clock.after(delayMs, callback),
      random: this.random,
      keepAlive: () => () => {},
    }
    const { dispatcher } = this.link
    const clients = Array.from({ length: processes }, () =>
      subject.startProcess(runtime, dispatcher),
    ).flatMap((process) => Array.from({ length: clientsPerProcess }, () => process.client()))
    return clients
      .map((ask) => ({ ask, offsetMs: Math.floor(this.random() * SECOND), calls: 0, isServed: false }))
      .sort((one, other) => one.offsetMs - other.offsetMs)
  }

  #planOutages(): void {
    const { outages = [], fault = 'silence' } = this.#scenario
    for (const { fromMs, toMs } of outages)
      this.#clock.after(fromMs, () => this.#instance.failFor(toMs - fromMs, 'all', fault))
  }

  *#rounds(): Generator<number> {
    const { durationMs, callEveryMs = SECOND } = this.#scenario
    for (let at = 0; at < durationMs; at += at < MINUTE ? SECOND : callEveryMs) yield at
  }

  #call(client: Client): void {
    const startedAt = this.#clock.now()
    const minute = this.#minutes[Math.floor((startedAt - this.#startAt) / MINUTE)]
    if (minute === undefined) return
    const isFirst = client.calls === 0
    client.calls += 1
    minute.calls += 1
    this.#pending += 1
    client.ask().then(
      (served) => {
        this.#settled(startedAt, isFirst, minute)
        this.#serve(client, served, minute)
      },
      () => {
        this.#settled(startedAt, isFirst, minute)
        minute.failed += 1
      },
    )
  }

  #settled(startedAt: number, isFirst: boolean, minute: MutableMinute): void {
    this.#pending -= 1
    const waitedMs = this.#clock.now() - startedAt
    if (isFirst || waitedMs === 0) return
    minute.waited += 1
    this.#longestWaitMs = Math.max(this.#longestWaitMs, waitedMs)
  }

  #serve(client: Client, { expiration, originalExpiration }: Served, minute: MutableMinute): void {
    const expiresAt = (originalExpiration ?? expiration)?.getTime() ?? Infinity
    minute.remainingMs = expiresAt - this.#clock.now()
    if (minute.remainingMs <= 0) this.#servedExpired += 1
    if (client.isServed) return
    client.isServed = true
    this.#unserved -= 1
    if (this.#unserved === 0) this.#allServedAfterMs = this.#clock.now() - this.#startAt
  }

  /**
   * A cached call settles within a few microtasks. A call that plans an event needs turns of the event loop until it waits for
   * simulated time.
   */
  async #settleCall(plannedBefore: number): Promise<void> {
    for (let hop = 0; hop < HOPS && this.#pending > 0; hop += 1) await Promise.resolve()
    if (this.#pending === 0 && this.#clock.planned === plannedBefore) return
    await this.#clock.settle()
    for (let turn = 0; this.#pending > 0 && !this.#clock.isExpecting; turn += 1) {
      if (turn > MOST_TURNS) throw new Error('A call waits for nothing that is simulated')
      await nextTurnOfEventLoop()
    }
  }
}

const HOPS = 8
const MOST_TURNS = 100_000

function total(minutes: readonly Minute[], what: 'calls' | 'waited' | 'failed'): number {
  return minutes.reduce((sum, minute) => sum + minute[what], 0)
}

/** Returns the most instants in one window. They are in order. */
function busiest(instants: readonly number[], windowMs: number): number {
  let most = 0
  let first = 0
  instants.forEach((at, index) => {
    while ((instants[first] ?? at) <= at - windowMs) first += 1
    most = Math.max(most, index - first + 1)
  })
  return most
}
