import { expect, test } from 'vitest'
import { iamRole, instanceProfile } from '../../src/testing/index.js'
import { HOUR, MINUTE, setup } from '../setup.js'

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

test('says nothing without a logger of its own or of the calling client', async () => {
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
  'fails nobody for the logger of a caller that is %j',
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
  expect(lines.at(-1)).toMatch(/^warn .*of role other-role, which replaces app-role, are loaded/)
})

test('writes an error with its hint where there are no credentials at all, and not at every call', async () => {
  const { instance, lines, provider } = setupWithLog()
  instance.disassociateProfile()
  for (let call = 0; call < 5; call += 1) await expect(provider()).rejects.toThrow()
  expect(lines).toEqual([
    expect.stringMatching(/^error instance-role: no credentials\. NO_ROLE: .* aws ec2 associate/),
  ])
})

test('tells the logger of each provider what became of loads that others started, until it is closed', async () => {
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

test('tells nothing more to the logger of a provider that is closed', async () => {
  const { create, instance, lines, provider } = setupWithLog()
  const other = create()
  await Promise.all([other(), provider()])
  await provider.close()
  instance.rotate()
  await other({ forceRefresh: true })
  expect(lines).toHaveLength(1)
})

test('tells the logger of a calling client of its own calls alone', async () => {
  const { instance, provider } = setup()
  const { lines, logger } = createLog()
  const callerClientConfig = { logger, region: () => Promise.resolve('eu-central-1') }
  await provider({ callerClientConfig })
  instance.rotate()
  await provider({ forceRefresh: true })
  expect(lines).toHaveLength(1)
})
