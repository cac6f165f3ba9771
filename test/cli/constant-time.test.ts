import { timingSafeEqual } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { answer } from '../../src/cli/answer-credentials-request.js'

vi.mock('node:crypto', async (original) => {
  const crypto = await original<{ timingSafeEqual: typeof timingSafeEqual }>()
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) }
})

const TOKEN = 'FAKE-token-of-this-server'
const HOST = '127.0.0.1:1339'

test.each([TOKEN, '', 'F', `${TOKEN}x`, 'x'.repeat(2_000)])(
  'compares the token %j in constant time, at one length',
  async (given) => {
    vi.mocked(timingSafeEqual).mockClear()
    const headers = { host: [HOST], authorization: [given] }
    const { status } = await answer(
      { method: 'GET', target: '/credentials', headers },
      {
        token: TOKEN,
        hosts: new Set([HOST]),
        credentials: () => Promise.resolve(undefined),
        state: () => 'empty',
      },
    )
    expect(status).toBe(given === TOKEN ? 503 : 403)
    const compared = vi
      .mocked(timingSafeEqual)
      .mock.calls.map((pair) => pair.map(({ byteLength }) => byteLength))
    expect(compared).toEqual([[32, 32]])
  },
)
