import { expect, test } from 'vitest'
import type { Fault } from '../../src/testing/index.js'
import { CREDENTIALS, LISTING, setup, TOKEN } from '../setup.js'

const TOKEN_FAILURES: readonly Fault[] = [
  'silence',
  'refuse',
  'reset',
  'empty',
  { status: 400 },
  { status: 403 },
  { status: 404 },
  { status: 405 },
  { status: 429 },
  { status: 500 },
]

function createWarningLog() {
  const warnings: string[] = []
  const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => void warnings.push(line) }
  return { warnings, logger }
}

test.each(TOKEN_FAILURES)(
  'sends no request without a metadata token if the token request fails with %j',
  async (fault) => {
    const { instance, provider } = setup({ httpTokens: 'optional' })
    instance.failUntilLifted('token', fault)
    await expect(provider()).rejects.toMatchObject({ step: 'token' })
    expect(instance.requests.filter((request) => !request.startsWith(TOKEN))).toEqual([])
  },
)

test.each<Fault>([{ status: 403 }, { status: 404 }, { status: 405 }, 'silence'])(
  'uses IMDSv1, with a warning, if it is enabled and the token request fails with %j',
  async (fault) => {
    const { warnings, logger } = createWarningLog()
    const { instance, provider } = setup({
      httpTokens: 'optional',
      provider: { imdsV1Fallback: true, logger },
    })
    instance.failUntilLifted('token', fault)
    expect((await provider()).accessKeyId).toBe(instance.credentials?.accessKeyId)
    expect(instance.requests.slice(-2)).toEqual([`${LISTING} 200`, `${CREDENTIALS} 200`])
    expect(warnings).toEqual([expect.stringContaining('IMDSv1 is used')])
  },
)

test.each<Fault>([{ status: 400 }, { status: 429 }, { status: 500 }, 'refuse'])(
  'does not use IMDSv1 after a token request that fails with %j, even if it is enabled',
  async (fault) => {
    const { instance, provider } = setup({ httpTokens: 'optional', provider: { imdsV1Fallback: true } })
    instance.failUntilLifted('token', fault)
    await expect(provider()).rejects.toMatchObject({ step: 'token' })
    expect(instance.requests.filter((request) => !request.startsWith(TOKEN))).toEqual([])
  },
)

test('reports the error of IMDSv2 if IMDSv1 is closed as well, without a warning', async () => {
  const { warnings, logger } = createWarningLog()
  const { instance, provider } = setup({ provider: { imdsV1Fallback: true, logger } })
  instance.failUntilLifted('token', 'silence')
  await expect(provider()).rejects.toMatchObject({ code: 'HOP_LIMIT', step: 'token', attempts: 2 })
  expect(instance.requests.filter((request) => request.startsWith(LISTING))).toEqual([
    `${LISTING} 401`,
    `${LISTING} 401`,
  ])
  expect(warnings).toEqual([])
})

test('returns to IMDSv2 with the next load when it answers', async () => {
  const { instance, provider } = setup({ httpTokens: 'optional', provider: { imdsV1Fallback: true } })
  instance.fail('token', { status: 404 })
  await provider()
  instance.clearRequests()
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual([`${TOKEN} 200`, `${CREDENTIALS} 200`])
})
