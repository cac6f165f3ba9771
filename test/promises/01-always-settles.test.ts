import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InstanceRoleError } from '../../src/index.js'
import { FAULT_WORDS } from '../../src/testing/faults.js'
import type { Fault, Step } from '../../src/testing/index.js'
import { HOUR, setup, timed } from '../setup.js'

const DEADLINE_MS = 10_000
const STEPS: readonly Step[] = ['token', 'role', 'credentials']
const FAULTS: readonly Fault[] = [
  ...FAULT_WORDS,
  { status: 429, headers: { 'retry-after': '3600' } },
  { status: 500 },
  { status: 401 },
  { status: 403 },
  { status: 404 },
  { delayMs: 3_600_000 },
  { dripMs: 900 },
  { redirectTo: 'http://127.0.0.1/' },
  { missingField: 'Expiration' },
  { code: 'Failed' },
]

test.each(STEPS.flatMap((step) => FAULTS.map((fault) => ({ step, fault }))))(
  'settles within the deadline when $step always meets $fault',
  async ({ step, fault }) => {
    const { clock, instance, provider } = setup()
    instance.failUntilLifted(step, fault)
    const { tookMs, value, error } = await timed(clock, provider())
    expect(tookMs).toBeLessThanOrEqual(DEADLINE_MS)
    if (value === undefined) expect(error).toBeInstanceOf(InstanceRoleError)
    else expect(value.accessKeyId).toMatch(/^FAKE/)
  },
)

test('settles within the deadline whatever sequence of faults it meets, and recovers', async () => {
  const fault = fc.record({ step: fc.constantFrom(...STEPS), fault: fc.constantFrom(...FAULTS) })
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { maxLength: 12 }), async (script) => {
      const { clock, instance, provider } = setup()
      for (const { step, fault } of script) instance.fail(step, fault)
      const { tookMs } = await timed(clock, provider())
      expect(tookMs).toBeLessThanOrEqual(DEADLINE_MS)
      instance.clearFaults()
      expect((await provider({ forceRefresh: true })).accessKeyId).toBe(instance.credentials?.accessKeyId)
    }),
    { numRuns: 60 },
  )
})

test('settles within the caller’s own deadline', async () => {
  const { clock, instance, provider } = setup({ provider: { deadline: 1_500 } })
  instance.failUntilLifted('credentials', 'silence')
  const { tookMs, error } = await timed(clock, provider())
  expect(error).toMatchObject({ code: 'TIMEOUT', step: 'credentials' })
  expect(tookMs).toBe(1_500)
})

test('allows four timeouts if only the timeout is raised', async () => {
  const { clock, instance, provider } = setup({ provider: { timeout: 5_000 } })
  instance.failUntilLifted('credentials', 'silence')
  const { tookMs } = await timed(clock, provider())
  expect(tookMs).toBe(20_000)
})

test('ends the wait of a caller that aborts, and of no other', async () => {
  const { instance, provider } = setup()
  instance.fail('token', { delayMs: 500 })
  const abort = new AbortController()
  const aborted = provider({ abortSignal: abort.signal })
  const patient = provider()
  abort.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  expect((await patient).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('ends the waits of a closed provider', async () => {
  const { instance, provider } = setup()
  instance.failUntilLifted('token', 'silence')
  const waiting = expect(provider()).rejects.toMatchObject({ code: 'CLOSED' })
  await provider.close()
  await waiting
  await expect(provider()).rejects.toMatchObject({ code: 'CLOSED' })
})

test.each([
  { provider: { waitForRole: 500, deadline: 2_000 }, step: 'credentials', fault: 'silence' },
  { provider: { waitForRole: 1_000, timeout: 2_500 }, step: 'credentials', fault: 'silence' },
] as const)(
  'settles within waitForRole and one deadline: $provider',
  async ({ provider: options, step, fault }) => {
    const { clock, instance, provider } = setup({ provider: options })
    instance.failUntilLifted(step, fault)
    const { tookMs, error } = await timed(clock, provider())
    expect(error).toMatchObject({ code: 'TIMEOUT' })
    const { waitForRole, deadline = DEADLINE_MS } = { deadline: undefined, ...options }
    expect(tookMs).toBeLessThanOrEqual(waitForRole + deadline)
  },
)

test.each([{ waitForRole: 0 }, { waitForRole: 20_000 }])(
  'settles in time although the wall clock is set back by hours, waiting for a role for $waitForRole ms',
  async ({ waitForRole }) => {
    const { clock, instance, provider } = setup({ provider: { waitForRole } })
    instance.failUntilLifted('all', { status: 500 })
    const outcomes: string[] = []
    void provider().catch((error: unknown) => outcomes.push(String(error)))
    clock.after(300, () => clock.stepWallClock(-7 * HOUR))
    await clock.advance(waitForRole + DEADLINE_MS)
    expect(outcomes).toEqual([expect.stringContaining('(500)')])
  },
)
