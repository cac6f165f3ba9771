import { expect, test } from 'vitest'
import { iamRole, instanceProfile } from '../../src/testing/index.js'
import { HOUR, MINUTE, SECOND, setup } from '../setup.js'

function createLog() {
  const lines: string[] = []
  const at = (level: string) => (line: string) => void lines.push(`${level} ${line}`)
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { lines, logger }
}

/** A provider whose log lines are kept, each after its level. */
function setupWithLog() {
  const { lines, logger } = createLog()
  return { lines, logger, ...setup({ provider: { logger } }) }
}

test('logs nothing without a logger of the provider or of the calling client', async () => {
  const { provider } = setup()
  const { lines, logger } = setupWithLog()
  await provider()
  expect(lines).toEqual([])
  const region = (): Promise<string> => Promise.resolve('eu-central-1')
  await provider({ forceRefresh: true, callerClientConfig: { logger, region } })
  expect(lines).toEqual([
    'info instance-role: credentials of role app-role are loaded; they expire at 2026-01-01T06:00:00.000Z.',
  ])
})

test('writes one line for the first load, and none when the same set comes back', async () => {
  const { lines, provider } = setupWithLog()
  await provider()
  await provider({ forceRefresh: true })
  expect(lines).toHaveLength(1)
})

test('writes one line for an outage, one for the extension, reminders, and one for the end', async () => {
  const { clock, instance, lines, provider } = setupWithLog()
  await provider()
  lines.length = 0
  const lift = instance.failUntilLifted('all', { status: 500 })
  await clock.advance(6 * HOUR - 30 * MINUTE)
  for (let minute = 0; minute < 60; minute += 1) {
    await provider()
    await clock.advance(MINUTE)
  }
  lift()
  await provider({ forceRefresh: true })
  const kinds = lines.map((line) => /refresh failed|expired at|are loaded/.exec(line)?.[0])
  expect(kinds.filter((kind) => kind === 'refresh failed')).toHaveLength(3)
  expect(kinds.filter((kind) => kind === 'expired at')).toHaveLength(3)
  expect([kinds[0], kinds.at(-2), kinds.at(-1)]).toEqual(['refresh failed', 'expired at', 'are loaded'])
  expect(lines[0]).toMatch(
    /^warn instance-role: a refresh failed; .* are kept\. SERVER_ERROR: .* failed to answer/,
  )
})

test.each([null, 'console', 7, {}, { info: () => Promise.reject(new Error('full')) }])(
  'does not fail a call whose logger is %j',
  async (logger) => {
    const { provider } = setup()
    const callerClientConfig: object = { logger, region: () => Promise.resolve('eu-central-1') }
    const properties: object = { callerClientConfig }
    expect((await provider(properties)).accessKeyId).toMatch(/^FAKE/)
    await expect(provider({ ...properties, forceRefresh: true })).resolves.toBeDefined()
  },
)

test('warns that the role changed', async () => {
  const { instance, lines, provider } = setupWithLog()
  await provider()
  instance.replaceProfile(instanceProfile({ name: 'other-profile', role: iamRole({ name: 'other-role' }) }))
  await provider({ forceRefresh: true })
  expect(lines.slice(1)).toEqual([
    'warn instance-role: the role of the instance has changed: other-role replaces app-role.',
    expect.stringMatching(/^info .*credentials of role other-role are loaded/),
  ])
})

test('logs an error with its hint if there are no credentials at all, but not at every call', async () => {
  const { instance, lines, provider } = setupWithLog()
  instance.disassociateProfile()
  for (let call = 0; call < 5; call += 1) await expect(provider()).rejects.toThrow()
  expect(lines).toEqual([
    expect.stringMatching(
      /^error instance-role: calls have failed since 2026-01-01T00:00:00\.000Z, 1 so far: there are no credentials\. NO_ROLE: .* aws ec2 associate/,
    ),
  ])
})

test('logs that calls fail after the credentials of a detached role expired, every 10 min, and when that is over', async () => {
  const { clock, instance, lines, provider } = setupWithLog()
  await provider()
  instance.disassociateProfile()
  await clock.advance(5.5 * HOUR)
  lines.length = 0
  for (let minute = 0; minute < 60; minute += 1) {
    await provider().catch(() => {})
    await clock.advance(MINUTE)
  }
  instance.attachRole('app-role')
  await provider()
  expect(lines.map((line) => line.replace(/\. NO_ROLE: .*/, ''))).toEqual([
    ...Array<string>(3).fill(
      'warn instance-role: the role was detached; the credentials of role app-role, which expire at 2026-01-01T06:00:00.000Z, are kept until then',
    ),
    ...[1, 11, 21].map(
      (calls) =>
        `error instance-role: calls have failed since 2026-01-01T06:00:00.000Z, ${calls} so far: the credentials of role app-role expired at 2026-01-01T06:00:00.000Z, and IMDS gives no others`,
    ),
    'info instance-role: calls succeed again, after 30 failed since 2026-01-01T06:00:00.000Z; the credentials of role app-role expire at 2026-01-01T12:30:00.000Z.',
  ])
})

test('does not repeat a reason within 10 min if two reasons alternate', async () => {
  const { clock, instance, lines, provider } = setupWithLog()
  await provider()
  lines.length = 0
  for (let minute = 0; minute < 8; minute += 1) {
    instance.clearFaults()
    instance.failUntilLifted('all', { status: minute % 2 === 0 ? 500 : 403 })
    await provider({ forceRefresh: true })
    await clock.advance(MINUTE)
  }
  expect(lines.map((line) => /SERVER_ERROR|IMDS_DISABLED/.exec(line)?.[0])).toEqual([
    'SERVER_ERROR',
    'IMDS_DISABLED',
  ])
})

test('warns while a call waits for a role, and logs that calls fail only after it gave up', async () => {
  const { clock, instance, lines, provider } = setupWithLog()
  instance.disassociateProfile()
  const waits = expect(provider.ready({ timeout: MINUTE })).rejects.toMatchObject({ code: 'NO_ROLE' })
  await clock.advance(59 * SECOND)
  expect(lines).toEqual([
    expect.stringMatching(/^warn .* no credentials to serve so far, and 2 loads have failed\. NO_ROLE: /),
  ])
  await clock.advance(SECOND)
  await waits
  expect(lines.slice(1)).toEqual([
    expect.stringMatching(/^error .* calls have failed since 2026-01-01T00:01:00\.000Z, 1 so far: /),
  ])
})

test('logs to each client whose call fails, even if another client started the load', async () => {
  const { instance, provider } = setup()
  const clients = [createLog(), createLog()]
  const region = (): Promise<string> => Promise.resolve('eu-central-1')
  instance.disassociateProfile()
  const calls = clients.map(({ logger }) => provider({ callerClientConfig: { logger, region } }))
  expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  for (const { lines } of clients)
    expect(lines).toEqual([expect.stringMatching(/^error .* calls have failed since/)])
})

test('logs everything to the loggers of 100 providers, and its own calls to that of one more', async () => {
  const { clock, create, instance } = setup()
  const logs = Array.from({ length: 101 }, createLog)
  const providers = logs.map(({ logger }) => create({ logger }))
  for (const provider of providers) await provider()
  const refresh = async (index: number): Promise<void> => {
    await clock.advance(MINUTE)
    instance.rotate()
    await providers[index]?.({ forceRefresh: true })
  }
  const lineCounts = () => [logs[0], logs[100]].map((log) => log?.lines.length)
  await refresh(1)
  expect(lineCounts()).toEqual([2, 0])
  await refresh(100)
  expect(lineCounts()).toEqual([3, 1])
  await providers[1]?.close()
  await create({ logger: logs[100]?.logger })()
  await refresh(2)
  expect(lineCounts()).toEqual([4, 2])
})

test("does not read the calling client's logger at a cached call", async () => {
  const { provider } = setup()
  let reads = 0
  const { logger } = createLog()
  const region = (): Promise<string> => Promise.resolve('eu-central-1')
  const callerClientConfig = {
    region,
    get logger() {
      reads += 1
      return logger
    },
  }
  await provider({ callerClientConfig })
  reads = 0
  for (let call = 0; call < 10; call += 1) await provider({ callerClientConfig })
  expect(reads).toBe(0)
})

test("logs the results of loads that others started to each provider's logger until it is closed", async () => {
  const { create, instance, lines, logger, provider } = setupWithLog()
  const other = create({ logger: createLog().logger })
  await Promise.all([other(), provider()])
  expect(lines).toHaveLength(1)
  instance.failUntilLifted('all', { status: 500 })
  await other({ forceRefresh: true })
  expect(lines.slice(1)).toEqual([expect.stringMatching(/^warn .*a refresh failed/)])
  await create({ logger })()
  await provider.close()
  instance.clearFaults()
  instance.rotate()
  await other({ forceRefresh: true })
  expect(lines.slice(2)).toEqual([expect.stringMatching(/^info .*are loaded/)])
})

test('logs nothing more to the logger of a closed provider', async () => {
  const { create, instance, lines, provider } = setupWithLog()
  const other = create()
  await Promise.all([other(), provider()])
  await provider.close()
  instance.rotate()
  await other({ forceRefresh: true })
  expect(lines).toHaveLength(1)
})

test("logs only its own calls to a calling client's logger", async () => {
  const { instance, provider } = setup()
  const { lines, logger } = createLog()
  const callerClientConfig = { logger, region: () => Promise.resolve('eu-central-1') }
  await provider({ callerClientConfig })
  instance.rotate()
  await provider({ forceRefresh: true })
  expect(lines).toHaveLength(1)
})
