import { expect, test } from 'vitest'
import {
  isFresh,
  MAX_TOKEN_TTL_SECONDS,
  MetadataTokenCache,
  parseMetadataToken,
} from '../../src/imds/metadata-token.js'
import type { ImdsDispatcher } from '../../src/config/options.js'
import { CREDENTIALS, exposed, FIRST_LOAD, MINUTE, SECOND, setup, TOKEN } from '../setup.js'

const NOW = Date.UTC(2026, 0, 1)
const VALUE = 'AQAEAExampleMetadataToken=='
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds'

test.each<{ header: string | undefined; ttlMs: number }>([
  { header: '21600', ttlMs: 21_600_000 },
  { header: '600', ttlMs: 600_000 },
  { header: ' 600 ', ttlMs: 600_000 },
  { header: '0600', ttlMs: 600_000 },
  { header: '1', ttlMs: 1_000 },
  { header: '21601', ttlMs: 21_600_000 },
  { header: '9'.repeat(400), ttlMs: 21_600_000 },
  { header: undefined, ttlMs: 21_600_000 },
])('with the TTL header $header assumes a life of $ttlMs ms', ({ header, ttlMs }) => {
  expect(parseMetadataToken(VALUE, header, NOW)).toMatchObject({ value: VALUE, expiresAt: NOW + ttlMs })
})

test.each(['', '0', '00', '-1', '1.5', '1e3', '0x10', 'NaN', '600s', '600, 600'])(
  'assumes the requested TTL if the header is "%s"',
  (header) => {
    expect(parseMetadataToken(VALUE, header, NOW).expiresAt).toBe(NOW + MAX_TOKEN_TTL_SECONDS * SECOND)
  },
)

test.each(['', 'soon', '-1', '1e9'])(
  'loads with a TTL header of "%s", with one token request',
  async (ttl) => {
    const { instance, create } = setup()
    const dispatcher: ImdsDispatcher = {
      request: async (options) => {
        const response = await instance.dispatcher.request(options)
        return { ...response, headers: { ...response.headers, [TTL_HEADER]: ttl } }
      },
    }
    await create({ dispatcher })()
    expect(instance.requests).toEqual(FIRST_LOAD)
  },
)

test.each([VALUE, `${VALUE}\n`, `\r\n ${VALUE}\t`])('trims the token %j', (body) => {
  expect(parseMetadataToken(body, '60', NOW).value).toBe(VALUE)
})

test.each(['', '\n', 'two words', 'line\nbreak', 'line\r\nX-Injected: 1', 'nul\0', 'tökén', '\x7f', '<a b>'])(
  'refuses the token %j, and does not quote it',
  (body) => {
    const parse = () => parseMetadataToken(body, '60', NOW)
    const message = expect.stringMatching(
      /^In the token answer of IMDS, the metadata token is empty or not printable\. Make sure /,
    ) as string
    expect(parse).toThrow(expect.objectContaining({ code: 'BAD_RESPONSE', step: 'token', message }))
  },
)

test('refuses a token that does not fit in a header', () => {
  expect(parseMetadataToken('t'.repeat(4_096), '60', NOW).value).toHaveLength(4_096)
  expect(() => parseMetadataToken('t'.repeat(4_097), '60', NOW)).toThrow(
    'In the token answer of IMDS, the metadata token is too long for a header.',
  )
})

test.each([
  { ttlSeconds: 21_600, reusedForMs: 21_480_000 },
  { ttlSeconds: 600, reusedForMs: 480_000 },
  { ttlSeconds: 240, reusedForMs: 120_000 },
  { ttlSeconds: 60, reusedForMs: 30_000 },
])('reuses a token of $ttlSeconds s for $reusedForMs ms', ({ ttlSeconds, reusedForMs }) => {
  const token = parseMetadataToken(VALUE, String(ttlSeconds), NOW)
  expect(isFresh(NOW + reusedForMs - 1, token)).toBe(true)
  expect(isFresh(NOW + reusedForMs, token)).toBe(false)
  expect(isFresh(NOW - 1, token)).toBe(false)
})

test('requests the longest life, and sends only the token with the next requests', async () => {
  const sent: Readonly<Record<string, string>>[] = []
  const { provider } = setup({ onSend: ({ headers }) => void sent.push(headers) })
  await provider()
  expect(sent[0]).toHaveProperty(TTL_HEADER, String(MAX_TOKEN_TTL_SECONDS))
  expect(sent[0]).not.toHaveProperty('x-aws-ec2-metadata-token')
  expect(sent).toHaveLength(3)
  for (const headers of sent.slice(1)) {
    expect(headers['x-aws-ec2-metadata-token']).toMatch(/^FAKE/)
    expect(headers).not.toHaveProperty(TTL_HEADER)
  }
})

test.each([
  { afterMs: 400 * SECOND, requests: [`${CREDENTIALS} 200`] },
  { afterMs: 479 * SECOND, requests: [`${CREDENTIALS} 200`] },
  { afterMs: 480 * SECOND, requests: [`${TOKEN} 200`, `${CREDENTIALS} 200`] },
  { afterMs: 10 * MINUTE, requests: [`${TOKEN} 200`, `${CREDENTIALS} 200`] },
])('respects a TTL of 600 s: $requests after $afterMs ms', async ({ afterMs, requests }) => {
  const { clock, instance, provider } = setup({ tokenTtlCap: 600 })
  await provider()
  instance.clearRequests()
  await clock.advance(afterMs)
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual(requests)
})

test('uses a token until it expires if no new one can be had', async () => {
  const { clock, instance, provider } = setup({ tokenTtlCap: 600, provider: { retries: 0 } })
  await provider()
  instance.clearRequests()
  await clock.advance(9 * MINUTE)
  instance.failUntilLifted('token', { status: 503 })
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual([`${TOKEN} 503`, `${CREDENTIALS} 200`])
})

test('does not use an expired token, even if no other can be had', async () => {
  const { clock, instance, provider } = setup({ tokenTtlCap: 600, provider: { retries: 0 } })
  await provider()
  await clock.advance(10 * MINUTE)
  instance.clearRequests()
  instance.failUntilLifted('token', { status: 503 })
  // The cached credentials are still valid: they are returned without a request.
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual([`${TOKEN} 503`])
})

test('shares the token among providers whose settings differ', async () => {
  const { instance, create } = setup()
  await create({ timeout: 700 })()
  instance.clearRequests()
  await create({ timeout: 800 })()
  expect(instance.requests).toEqual(FIRST_LOAD.slice(1))
})

test('requests one token if two loads need it at once', async () => {
  const { instance, create } = setup()
  await Promise.all([create({ timeout: 700 })(), create({ timeout: 800 })()])
  expect(instance.requests.filter((request) => request.startsWith(TOKEN))).toHaveLength(1)
})

test('sends a new token after a 401, and shows neither', async () => {
  const tokens = new Set<string>()
  const { instance, provider } = setup({
    provider: { retries: 0 },
    onSend: ({ headers }) => void tokens.add(headers['x-aws-ec2-metadata-token'] ?? ''),
  })
  instance.failUntilLifted('credentials', { status: 401 })
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'TOKEN_REJECTED', step: 'credentials', statusCode: 401, attempts: 2 })
  tokens.delete('')
  expect(tokens.size).toBe(2)
  for (const token of tokens) expect(exposed(error)).not.toContain(token)
})

function tokenCache() {
  const token = parseMetadataToken(VALUE, '600', NOW)
  return { token, cache: new MetadataTokenCache(() => NOW) }
}

test('shares one token request among all loads', async () => {
  const { token, cache } = tokenCache()
  let asked = 0
  const take = (): Promise<typeof token> => Promise.resolve(((asked += 1), token))
  const taken = await Promise.all(Array.from({ length: 1_000 }, () => cache.get(take)))
  expect(new Set(taken)).toEqual(new Set([token]))
  expect(asked).toBe(1)
})

test('lets a load that joined a failed token request send one itself', async () => {
  const { token, cache } = tokenCache()
  const impatient = cache.get(() => Promise.reject(new Error('its time is up')))
  const patient = cache.get(() => Promise.resolve(token))
  await expect(impatient).rejects.toThrow('its time is up')
  expect(await patient).toBe(token)
  expect(cache.hasGiven).toBe(true)
})

test("counts the failure of a load's own token request", async () => {
  const { cache } = tokenCache()
  const failing = cache.get(() => Promise.reject(new Error('first')))
  const joined = cache.get(() => Promise.reject(new Error('second')))
  await expect(failing).rejects.toThrow('first')
  await expect(joined).rejects.toThrow('second')
  expect(cache.hasGiven).toBe(false)
})

test('loads patiently beside an impatient provider that shares its token request', async () => {
  const { clock, instance, create } = setup()
  instance.failUntilLifted('token', { delayMs: 700 })
  const [impatient, patient] = await Promise.allSettled([
    create({ timeout: 150, retries: 0 })(),
    create({ timeout: 5_000, retries: 0 })(),
  ])
  expect(impatient).toMatchObject({ status: 'rejected', reason: { code: 'HOP_LIMIT' } })
  expect(patient.status).toBe('fulfilled')
  await clock.advance(0)
})
