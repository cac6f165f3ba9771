// What each tool that stands in for IMDS must do, in every test runner. The runner's own file loads the modules, as its users do.
const assert = require('node:assert/strict')
const { createServer } = require('node:http')

const LISTING = '/latest/meta-data/iam/security-credentials/'
const ACCESS_KEY_ID = 'FAKEFROMAMOCK'
const DOCUMENT = {
  Code: 'Success',
  AccessKeyId: ACCESS_KEY_ID,
  SecretAccessKey: 'FAKE/secret',
  Token: 'FAKE/session/token',
  Expiration: new Date(Date.now() + 3_600_000).toISOString(),
}
/** Longer than a test takes, in real time. */
const LATE_MS = 2_000
const TOKEN_HEADERS = { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' }

/** A loopback address where nobody listens: a request that is not mocked fails. */
async function nobody() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

// Each tool: the options of a provider under it, the access key that is expected, and how it ends.

const TOOLS = {
  listen: async ({ instance }) => {
    const { endpoint } = await instance.listen()
    return { options: { endpoint }, accessKeyId: instance.credentials.accessKeyId, stop: () => {} }
  },

  dispatcher: async ({ instance }) => ({
    options: { dispatcher: instance.dispatcher },
    accessKeyId: instance.credentials.accessKeyId,
    stop: () => {},
  }),

  MockAgent: async ({ isSilent, modules: { MockAgent } }) => {
    const endpoint = await nobody()
    const dispatcher = new MockAgent()
    dispatcher.disableNetConnect()
    const pool = dispatcher.get(endpoint)
    const token = pool.intercept({ method: 'PUT', path: '/latest/api/token' })
    const reply = token.reply(200, 'metadata-token', { headers: TOKEN_HEADERS })
    if (isSilent) reply.delay(LATE_MS).persist()
    pool.intercept({ path: LISTING }).reply(200, 'app-role')
    const headers = { 'x-aws-ec2-metadata-token': 'metadata-token' }
    pool.intercept({ path: `${LISTING}app-role`, headers }).reply(200, DOCUMENT)
    return { options: { dispatcher, endpoint }, accessKeyId: ACCESS_KEY_ID, stop: () => dispatcher.close() }
  },

  nock: async ({ isSilent, modules: { nock } }) => {
    const endpoint = await nobody()
    nock.activate()
    const token = nock(endpoint).persist().put('/latest/api/token')
    if (isSilent) token.delay(LATE_MS)
    token.reply(200, 'metadata-token', TOKEN_HEADERS)
    nock(endpoint).get(LISTING).reply(200, 'app-role')
    nock(endpoint)
      .get(`${LISTING}app-role`)
      .matchHeader('x-aws-ec2-metadata-token', 'metadata-token')
      .reply(200, DOCUMENT)
    const stop = () => {
      nock.cleanAll()
      nock.restore()
    }
    return { options: { endpoint }, accessKeyId: ACCESS_KEY_ID, stop }
  },

  msw: async ({ instance, modules: { setupServer } }) => {
    const server = setupServer(...instance.handlers)
    server.listen({ onUnhandledRequest: 'error' })
    const stop = () => server.close()
    return { options: { endpoint: await nobody() }, accessKeyId: instance.credentials.accessKeyId, stop }
  },
}

/** A connection that was made tells silence from absence: the emulated instance makes one, or says that it did. */
const CODE_OF_SILENCE = {
  ...{ listen: 'HOP_LIMIT', dispatcher: 'HOP_LIMIT' },
  ...{ MockAgent: 'UNREACHABLE', nock: 'UNREACHABLE', msw: 'UNREACHABLE' },
}

/** The emulated instance has a test clock pass while it is silent. */
const PASSES_TIME = ['listen', 'dispatcher', 'msw']

async function passUntilSettled(clock, promise) {
  let isSettled = false
  promise.then(() => (isSettled = true))
  while (!isSettled) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    await clock.advance(100)
  }
}

/** The tests of a tool: each has a name, and a function that rejects if the test fails. */
function cellsOf(tool, modules) {
  const { fromInstanceRole, emulateInstance, createTestClock } = modules

  /** Calls a provider under the tool. */
  async function call({ instance, isSilent = false }) {
    if (isSilent) instance.failUntilLifted('token', 'silence')
    const clock = isSilent ? createTestClock().install() : undefined
    const { options, accessKeyId, stop } = await TOOLS[tool]({ instance, isSilent, modules })
    const provider = fromInstanceRole({ ...options, isolated: true })
    try {
      const given = provider().catch((error) => error)
      if (clock && !PASSES_TIME.includes(tool)) await passUntilSettled(clock, given)
      return { given: await given, accessKeyId }
    } finally {
      clock?.release()
      await stop()
      await provider.close()
      await instance.close()
    }
  }

  return [
    [
      `${tool} answers`,
      async () => {
        const { given, accessKeyId } = await call({ instance: emulateInstance() })
        assert.equal(given.accessKeyId, accessKeyId, given.message)
      },
    ],
    [
      `${tool} answers after a first real request`,
      async () => {
        const real = emulateInstance()
        const provider = fromInstanceRole({ endpoint: (await real.listen()).endpoint, isolated: true })
        assert.equal((await provider()).accessKeyId, real.credentials.accessKeyId)
        await real.close()
        const { given, accessKeyId } = await call({ instance: emulateInstance() })
        assert.equal(given.accessKeyId, accessKeyId, given.message)
      },
    ],
    [
      `${tool} never answers the token request`,
      async () => {
        const { given } = await call({ instance: emulateInstance(), isSilent: true })
        assert.equal(given.code, CODE_OF_SILENCE[tool], given.message)
      },
    ],
  ]
}

module.exports = { cellsOf }
