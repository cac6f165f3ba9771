// A model that finds no bug proves nothing. Each bug here is of a kind that such a library has had. Modules are replaced, because a
// bug must be where the right code is; no other test does that.
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type * as Config from '../../src/config/config.js'
import { InstanceRoleError } from '../../src/errors.js'
import type * as Schedule from '../../src/refresh/refresh-schedule.js'
import type * as Cache from '../../src/refresh/refreshing-cache.js'
import type * as Tokens from '../../src/imds/metadata-token.js'
import type * as Identity from '../../src/provider/credentials-identity.js'
import type * as Status from '../../src/provider/status.js'
import type * as Transitions from '../../src/credentials/transitions.js'
import type * as Document from '../../src/credentials/role-credentials.js'
import type * as Pause from '../../src/credentials/load-pause.js'
import type * as Load from '../../src/imds/imds-load.js'
import type * as Retries from '../../src/imds/retry-policy.js'
import { checkPromises } from './check-promises.js'
import type { Subject } from './virtual-world.js'

/** The largest number of lives to find a bug. */
const LIVES = 2_000
/** Enough to compare their random numbers. */
const TOGETHER = 100
const HOUR = 3_600_000

interface Bug {
  readonly name: string
  /** The promises that it breaks. The first one that the model finds broken must be one of them. */
  readonly breaks: readonly number[]
  /**
   * The number of lives in which it must be found.
   *
   * @default LIVES
   */
  readonly lives?: number
  readonly module?: string
  readonly plant?: () => void
  readonly through?: Subject['through']
  readonly throughDispatcher?: Subject['throughDispatcher']
}

/** Replaces members of a module. Their types are the module's own. */
function inModule<M extends object>(
  module: string,
  spoil: (original: M) => Partial<M>,
): Pick<Bug, 'module' | 'plant'> {
  const plant = (): void =>
    void vi.doMock(module, async (importOriginal) => {
      const original = await importOriginal<M>()
      return { ...original, ...spoil(original) }
    })
  return { module, plant }
}

const SCHEDULE = '../../src/refresh/refresh-schedule.js'
const CACHE = '../../src/refresh/refreshing-cache.js'

const BUGS: readonly Bug[] = [
  {
    name: 'serves stale credentials after their expiration',
    breaks: [3, 11],
    ...inModule<typeof Schedule>(SCHEDULE, ({ judge }) => ({
      judge: (now, held) => (held !== undefined && now >= held.value.expiresAt ? 'use' : judge(now, held)),
    })),
  },
  {
    name: 'serves stale credentials when a try after the expiration failed, and does not say so',
    breaks: [3],
    ...inModule<typeof Schedule>(SCHEDULE, () => ({ isServable: () => true })),
  },
  {
    name: 'shortens the expiration after a failed refresh',
    breaks: [5, 2, 4],
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterFailure }) => ({
      afterFailure: (at, held, ...others) => {
        const expiresAt = Math.min(held.value.expiresAt, at.now + 10 * 60_000)
        return afterFailure(at, { ...held, value: { ...held.value, expiresAt } }, ...others)
      },
    })),
  },
  {
    name: 'throws while it holds unexpired credentials',
    breaks: [2],
    ...inModule<typeof Schedule>(SCHEDULE, () => ({ isServable: () => false })),
  },
  {
    name: 'extends the credentials of a role that was detached',
    breaks: [3],
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterFailure }) => ({
      afterFailure: (at, held, _extend, retryAfterMs) => afterFailure(at, held, true, retryAfterMs),
    })),
  },
  {
    name: 'makes callers wait for a refresh from the soft point on',
    breaks: [4],
    ...inModule<typeof Schedule>(SCHEDULE, ({ judge }) => ({
      judge: (now, held) => (judge(now, held) === 'use' ? 'use' : 'refresh-first'),
    })),
  },
  {
    name: 'refreshes nothing behind the callers before the hard point',
    breaks: [4],
    ...inModule<typeof Schedule>(SCHEDULE, ({ judge }) => ({
      judge: (now, held) => (judge(now, held) === 'refresh-first' ? 'refresh-first' : 'use'),
    })),
  },
  {
    name: 'refreshes nothing before the expiration',
    breaks: [4],
    ...inModule<typeof Schedule>(SCHEDULE, ({ judge }) => ({
      judge: (now, held) => (held !== undefined && now < held.value.expiresAt ? 'use' : judge(now, held)),
    })),
  },
  {
    name: 'refreshes behind the callers until the expiration, and makes none wait',
    breaks: [4],
    ...inModule<typeof Schedule>(SCHEDULE, ({ judge }) => ({
      judge: (now, held) =>
        held !== undefined &&
        held.isInvalidated === undefined &&
        now < held.value.expiresAt &&
        judge(now, held) === 'refresh-first'
          ? 'use-and-refresh'
          : judge(now, held),
    })),
  },
  {
    name: 'does nothing when what is held is invalidated',
    breaks: [11],
    ...inModule<typeof Schedule>(SCHEDULE, () => ({ afterInvalidation: (held) => held })),
  },
  {
    name: 'has a call after an invalidation refresh behind its caller',
    breaks: [11],
    ...inModule<typeof Schedule>(SCHEDULE, () => ({
      afterInvalidation: (held) => ({ ...held, refreshAt: 0 }),
    })),
  },
  {
    name: 'refreshes at each call',
    breaks: [5, 6],
    ...inModule<typeof Schedule>(SCHEDULE, ({ judge }) => ({
      judge: (now, held) => (judge(now, held) === 'use' ? 'use-and-refresh' : judge(now, held)),
    })),
  },
  {
    name: 'stays with the set it holds where IMDS gives another',
    breaks: [11],
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterSuccess }) => ({
      afterSuccess: (at, held, value) =>
        afterSuccess(at, held, held !== undefined && at.now < held.value.expiresAt ? held.value : value),
    })),
  },
  {
    name: 'comes back after each failure as soon as all others',
    breaks: [5],
    lives: TOGETHER,
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterFailure }) => ({
      afterFailure: (at, ...others) => afterFailure({ ...at, random: () => 1 }, ...others),
    })),
  },
  {
    name: 'comes back after any number of failures as soon as after the first',
    breaks: [5],
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterFailure }) => ({
      afterFailure: (at, held, ...others) => {
        const failed = afterFailure(at, { ...held, failures: 0 }, ...others)
        return { ...failed, failures: held.failures + 1 }
      },
    })),
  },
  {
    name: 'takes no notice of a clock that went back',
    breaks: [4],
    ...inModule<typeof Schedule>(SCHEDULE, ({ judge }) => ({
      judge: (now, held) => judge(held === undefined ? now : Math.max(now, held.triedAt), held),
    })),
  },
  {
    name: 'goes by the Date header of IMDS',
    breaks: [3, 4, 5, 6],
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterSuccess }) => ({
      afterSuccess: (at, held, value) => {
        const offsetMs = 'clockOffsetMs' in value ? Number(value.clockOffsetMs ?? 0) : 0
        return afterSuccess({ ...at, now: at.now + offsetMs }, held, value)
      },
    })),
  },
  {
    name: 'plans by the wall clock alone, also where it is behind',
    breaks: [4],
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterSuccess }) => ({
      afterSuccess: (at, held, value) => afterSuccess(at, held, { ...value, issuedLifeMs: undefined }),
    })),
  },
  {
    name: 'extends by what it decided while the clock was ahead',
    breaks: [3],
    ...inModule<typeof Schedule>(SCHEDULE, ({ judge, isServable }) => {
      const extensionAt: typeof Schedule.extensionAt = (now, { extendedUntil = 0, value }) =>
        now >= value.expiresAt && now < extendedUntil ? extendedUntil : undefined
      return {
        extensionAt,
        isServable: (now, held) => isServable(now, held) || extensionAt(now, held) !== undefined,
        judge: (now, held) =>
          held !== undefined &&
          !held.isInvalidated &&
          now < held.triedAt &&
          extensionAt(now, held) !== undefined
            ? 'use'
            : judge(now, held),
      }
    }),
  },
  {
    name: 'pauses until a clock for durations that went back has come as far again',
    breaks: [11],
    ...inModule<typeof Pause>('../../src/credentials/load-pause.js', ({ LoadPause }) => ({
      LoadPause: class extends LoadPause {
        readonly #elapsed: () => number
        #until = 0
        constructor(...given: ConstructorParameters<typeof LoadPause>) {
          super(...given)
          this.#elapsed = given[0].elapsed
        }
        override failed(...given: Parameters<Pause.LoadPause['failed']>): void {
          super.failed(...given)
          this.#until = this.#elapsed() + super.pauseMs()
        }
        override pauseMs(): number {
          return Math.max(0, this.#until - this.#elapsed())
        }
      },
    })),
  },
  {
    name: 'counts the failures of all requests of a load together',
    breaks: [5],
    ...inModule<typeof Retries>('../../src/imds/retry-policy.js', ({ count }) => ({
      count: (tally, error) => {
        const before = [...tally.failures.values()].reduce((sum, failures) => sum + failures, 0)
        count(tally, error)
        if (tally.failures.has(error.step)) tally.failures.set(error.step, before + 1)
      },
    })),
  },
  {
    name: 'forgets a Retry-After once the load has failed',
    breaks: [5],
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterFailure }) => ({
      afterFailure: (at, held, extend) => afterFailure(at, held, extend),
    })),
  },
  {
    name: 'counts retries at a cold start, too',
    breaks: [5],
    ...inModule<typeof Load>('../../src/imds/imds-load.js', ({ runLoad }) => ({
      runLoad: (options, tryOnce) => runLoad({ ...options, isColdStart: false }, tryOnce),
    })),
  },
  {
    name: 'tells of a load before those who are told can join it',
    breaks: [6],
    ...inModule<typeof Cache>(CACHE, ({ RefreshingCache }) => ({
      RefreshingCache: class<Value, Held, Context> extends RefreshingCache<Value, Held, Context> {
        readonly #begin: (context: Context) => void
        readonly #end: () => void
        #isUnderWay = false
        constructor(policy: Cache.RefreshPolicy<Value, Held, Context>) {
          const begun: { loading?: Promise<Value> } = {}
          super({ ...policy, load: (context) => begun.loading ?? policy.load(context) })
          this.#begin = (context) => {
            begun.loading = policy.load(context)
          }
          this.#end = () => delete begun.loading
        }
        override async refresh(context: Context): Promise<Held> {
          if (!this.#isUnderWay) this.#begin(context)
          this.#isUnderWay = true
          return super.refresh(context).finally(() => {
            this.#end()
            this.#isUnderWay = false
          })
        }
      },
    })),
  },
  {
    name: 'tries again without a pause in an outage',
    breaks: [5],
    lives: TOGETHER,
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterFailure }) => ({
      afterFailure: (at, ...others) => ({
        ...afterFailure(at, ...others),
        refreshAt: at.now,
      }),
    })),
  },
  {
    name: 'waits for an hour after a failure',
    breaks: [5],
    ...inModule<typeof Schedule>(SCHEDULE, ({ afterFailure }) => ({
      afterFailure: (at, ...others) => ({
        ...afterFailure(at, ...others),
        refreshAt: at.now + HOUR,
      }),
    })),
  },
  {
    name: 'flies twice: callers who come while a load is under way start another',
    breaks: [6],
    ...inModule<typeof Cache>(CACHE, ({ RefreshingCache }) => ({
      RefreshingCache: class<Value, Held, Context> extends RefreshingCache<Value, Held, Context> {
        readonly #load: () => RefreshingCacheOf<Value, Held, Context>
        constructor(policy: Cache.RefreshPolicy<Value, Held, Context>) {
          super(policy)
          this.#load = () => new RefreshingCache(policy)
        }
        override refresh(context: Context): Promise<Held> {
          if (this.held !== undefined) return super.refresh(context)
          void super.refresh(context).catch(() => {})
          return this.#load().refresh(context)
        }
      },
    })),
  },
  {
    name: 'loses the wake-up of those who join a load under way',
    breaks: [1],
    ...inModule<typeof Cache>(CACHE, ({ RefreshingCache }) => ({
      RefreshingCache: class<Value, Held, Context> extends RefreshingCache<Value, Held, Context> {
        #isLoading = false
        override async refresh(context: Context): Promise<Held> {
          if (this.#isLoading) return new Promise(() => {})
          this.#isLoading = true
          return super.refresh(context).finally(() => (this.#isLoading = false))
        }
      },
    })),
  },
  {
    name: 'leaves the rejection of a refresh behind the callers unhandled',
    breaks: [10],
    ...inModule<typeof Cache>(CACHE, ({ RefreshingCache }) => ({
      RefreshingCache: class<Value, Held, Context> extends RefreshingCache<Value, Held, Context> {
        override refresh(context: Context): Promise<Held> {
          const refreshed = super.refresh(context)
          void refreshed.then(() => {})
          return refreshed
        }
      },
    })),
  },
  {
    name: 'uses a metadata token again after it was revoked',
    breaks: [6, 11],
    ...inModule<typeof Tokens>('../../src/imds/metadata-token.js', ({ MetadataTokenCache }) => ({
      MetadataTokenCache: class extends MetadataTokenCache {
        override reset(): void {}
      },
    })),
  },
  {
    name: 'takes a metadata token for each load',
    breaks: [6],
    ...inModule<typeof Tokens>('../../src/imds/metadata-token.js', ({ MetadataTokenCache }) => ({
      MetadataTokenCache: class extends MetadataTokenCache {
        override get(take: () => Promise<Tokens.MetadataToken>): Promise<Tokens.MetadataToken> {
          return take()
        }
      },
    })),
  },
  {
    name: 'hangs when the connection is reset',
    breaks: [1],
    throughDispatcher: (dispatcher) => ({
      request: (options) => dispatcher.request(options).catch(() => new Promise<never>(() => {})),
    }),
    through: (runtime) => ({
      ...runtime,
      after: (delayMs, callback) => (delayMs >= 10_000 ? () => {} : runtime.after(2 * HOUR, callback)),
    }),
  },
  {
    name: 'leaks a timer with each request',
    breaks: [10],
    through: (runtime) => ({
      ...runtime,
      after: (delayMs, callback) => {
        runtime.after(delayMs, callback)
        return () => {}
      },
    }),
  },
  {
    name: 'leaks the handle of a caller who waited',
    breaks: [10],
    through: (runtime) => ({
      ...runtime,
      keepAlive: () => {
        runtime.keepAlive()
        return () => {}
      },
    }),
  },
  {
    name: 'falls back on IMDSv1 without being asked to',
    breaks: [7],
    ...inModule<typeof Config>('../../src/config/config.js', ({ resolveConfig }) => ({
      resolveConfig: async (...given) => ({
        ...(await resolveConfig(...given)),
        imdsV1Fallback: { value: true, origin: 'default' },
      }),
    })),
  },
  {
    name: 'sends the metadata token to where it was redirected',
    breaks: [8],
    throughDispatcher: (dispatcher) => ({
      request: async (options) => {
        const response = await dispatcher.request(options)
        const { location } = response.headers
        if (typeof location !== 'string') return response
        const { origin, pathname } = new URL(location)
        return dispatcher.request({ ...options, origin, path: pathname })
      },
    }),
  },
  {
    name: 'shows the access key in the status',
    breaks: [9],
    ...inModule<typeof Status>('../../src/provider/status.js', ({ describeStatus }) => ({
      describeStatus: (source, now) => {
        const roleName = source.held?.value.id
        return { ...describeStatus(source, now), ...(roleName !== undefined && { roleName }) }
      },
    })),
  },
  {
    name: 'says ok of whatever is held',
    breaks: [3],
    ...inModule<typeof Status>('../../src/provider/status.js', ({ describeStatus }) => ({
      describeStatus: (source, now) => ({
        ...describeStatus(source, now),
        state: source.held === undefined ? 'empty' : 'ok',
      }),
    })),
  },
  {
    name: 'says that calls fail, and never that this is over',
    breaks: [12],
    ...inModule<typeof Transitions>('../../src/credentials/transitions.js', ({ SourceHistory }) => ({
      SourceHistory: class extends SourceHistory {
        override loadEnded(
          ...given: Parameters<Transitions.SourceHistory['loadEnded']>
        ): readonly Transitions.Transition[] {
          return super.loadEnded(...given).filter(({ kind }) => kind !== 'calls-recovered')
        }
      },
    })),
  },
  {
    name: 'says that it keeps what has expired',
    breaks: [5],
    ...inModule<typeof Transitions>('../../src/credentials/transitions.js', ({ SourceHistory }) => ({
      SourceHistory: class extends SourceHistory {
        override loadEnded(
          ...[change, now]: Parameters<Transitions.SourceHistory['loadEnded']>
        ): readonly Transitions.Transition[] {
          const { expiresAt = now } = change.after?.value ?? {}
          return super.loadEnded(change, Math.min(now, expiresAt - 1))
        }
      },
    })),
  },
  {
    name: 'puts what IMDS answered in an error',
    breaks: [9],
    ...inModule<typeof Document>('../../src/credentials/role-credentials.js', ({ parseRoleCredentials }) => ({
      parseRoleCredentials: (body, roleName, secrets) => {
        try {
          return parseRoleCredentials(body, roleName, secrets)
        } catch {
          const message = 'The credentials document of IMDS is not JSON.'
          throw new InstanceRoleError('BAD_RESPONSE', message, {
            step: 'credentials',
            cause: new Error(body),
          })
        }
      },
    })),
  },
  {
    name: 'hands out the true expiration of what it extends',
    breaks: [3],
    ...inModule<typeof Identity>('../../src/provider/credentials-identity.js', ({ toCredentials }) => ({
      toCredentials: (...given) => {
        const { originalExpiration, ...credentials } = toCredentials(...given)
        return { ...credentials, expiration: originalExpiration ?? credentials.expiration }
      },
    })),
  },
]

type RefreshingCacheOf<Value, Held, Context> = InstanceType<
  typeof Cache.RefreshingCache<Value, Held, Context>
>

/** The library with a bug, loaded again. */
async function libraryWith({ plant, through, throughDispatcher }: Partial<Bug>): Promise<Subject> {
  vi.resetModules()
  plant?.()
  const { createProvider } = await import('../../src/provider/from-instance-role.js')
  const { createRegistry } = await import('../../src/credentials/shared-sources.js')
  return {
    createProvider,
    createRegistry,
    ...(through !== undefined && { through }),
    ...(throughDispatcher !== undefined && { throughDispatcher }),
  }
}

// Vitest fails a run in which a rejection goes unhandled; here one is meant to.
const listeners = process.listeners('unhandledRejection')
beforeAll(() => void process.removeAllListeners('unhandledRejection'))
afterAll(() => listeners.forEach((listener) => process.on('unhandledRejection', listener)))

afterEach(() => {
  for (const { module } of BUGS) if (module !== undefined) vi.doUnmock(module)
})

/** The number of lives that the hardest bug needed. */
let hardest = 0

test.each(BUGS)('finds a library that $name', { timeout: 240_000 }, async (bug) => {
  const found = await checkPromises(await libraryWith(bug), {
    seed: 1,
    lives: bug.lives ?? LIVES,
    shrinks: false,
  })
  hardest = Math.max(hardest, found.lives)
  expect(found.broken).toMatch(new RegExp(`^BrokenPromise: promise (${bug.breaks.join('|')}):`))
})

test(
  'finds nothing in the real library, in as many lives as the hardest bug needs',
  { timeout: 240_000 },
  async () => {
    const lives = hardest === 0 ? LIVES : hardest
    expect(await checkPromises(await libraryWith({}), { seed: 1, lives })).toEqual({ lives })
  },
)
