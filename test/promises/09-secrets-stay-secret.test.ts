import { expect, test } from 'vitest'
import type { Fault, Step } from '../../src/testing/index.js'
import { exposed, MINUTE, setup, timed } from '../setup.js'

const FAULTS: readonly Fault[] = [
  'truncated',
  'broken-json',
  'reset-mid-body',
  'oversized',
  'html',
  'expired',
  { missingField: 'Expiration' },
  { emptyField: 'AccessKeyId' },
  { code: 'Failed', message: 'no' },
  { status: 500 },
  { status: 401 },
  { status: 404 },
  { dripMs: 10 },
]

/** Everything that a person or a log is shown in a life of trouble, and the secrets that must not be in it. */
async function live(step: Step, fault: Fault) {
  const shown: string[] = []
  const keep = (line: string): void => void shown.push(line)
  const logger = { debug: keep, info: keep, warn: keep, error: keep }
  const tokens = new Set<string>()
  const { clock, instance, registry, provider } = setup({
    provider: { logger },
    onSend: ({ headers }) => {
      const token = headers['x-aws-ec2-metadata-token']
      if (token !== undefined) tokens.add(token)
    },
  })
  instance.failUntilLifted(step, fault)
  const first = await timed(clock, provider())
  shown.push(exposed(first.error), exposed(provider), exposed(provider.status()))
  instance.clearFaults()
  const held = await provider({ forceRefresh: true })
  instance.failUntilLifted(step, fault)
  await clock.advance(held.expiration.getTime() - clock.now() + MINUTE)
  const expired = await timed(clock, provider())
  shown.push(exposed(expired.error), exposed(provider.status()), exposed(registry))
  const sets = [held, first.value, expired.value].filter((set) => set !== undefined)
  const secrets = [
    ...tokens,
    ...sets.flatMap(({ secretAccessKey, sessionToken }) => [secretAccessKey, sessionToken]),
  ]
  return { shown: shown.join('\n'), secrets }
}

const CASES = (['token', 'role', 'credentials'] as const).flatMap((step) =>
  FAULTS.map((fault) => ({ step, fault })),
)

test.each(CASES)('shows no secret when $step meets $fault', async ({ step, fault }) => {
  const { shown, secrets } = await live(step, fault)
  expect(secrets.length).toBeGreaterThanOrEqual(3)
  expect(secrets.filter((secret) => shown.includes(secret))).toEqual([])
  // Half a secret is a secret too: ten characters are what a JSON parser quotes.
  expect(secrets.filter((secret) => shown.includes(secret.slice(0, 10)))).toEqual([])
})

const PLANTED = 'FAKEplantedSECRETofNobody'
const document = { Code: 'Success', AccessKeyId: PLANTED, SecretAccessKey: PLANTED, Token: PLANTED }

test.each([
  `{"SecretAccessKey": ${PLANTED}}`,
  `{"SecretAccessKey": "${PLANTED}`,
  PLANTED,
  JSON.stringify({ ...document, Expiration: PLANTED }),
  JSON.stringify({ ...document, Expiration: '' }),
  JSON.stringify({ ...document, Code: `not ${PLANTED}` }),
  JSON.stringify({ Message: PLANTED, Code: 'Failed' }),
  JSON.stringify([PLANTED]),
])('shows nothing of the credentials document %s', async (body) => {
  const lines: string[] = []
  const keep = (line: string): void => void lines.push(line)
  const { instance, provider } = setup({
    provider: { logger: { debug: keep, info: keep, warn: keep, error: keep } },
  })
  instance.failUntilLifted('credentials', { status: 200, body })
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Error)
  expect(lines).not.toEqual([])
  expect([exposed(error), exposed(provider.status()), ...lines].join('\n')).not.toContain(PLANTED.slice(0, 8))
})
