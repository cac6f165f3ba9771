import { type ChildProcess, execFile, fork } from 'node:child_process'
import cluster from 'node:cluster'
import { getEventListeners, once } from 'node:events'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'
import { setup } from '../setup.js'
import { compile } from './compile.js'

const script = await compile(new URL('load-and-exit.ts', import.meta.url))

/** An emulated instance on loopback, and the environment for a program. */
async function served() {
  const instance = emulateInstance()
  instances.push(instance)
  const { endpoint } = await instance.listen()
  const credentials = { accessKeyId: instance.credentials?.accessKeyId, left: [] }
  return { instance, endpoint, credentials, env: { ...process.env, ENDPOINT: endpoint } }
}

const instances: EmulatedInstance[] = []
afterEach(async () => {
  await Promise.all(instances.splice(0).map((instance) => instance.close()))
})

function startThread(endpoint: string): Worker {
  return new Worker(script, { workerData: endpoint })
}

test('leaves no socket and no timer in a process, which then ends', { timeout: 60_000 }, async () => {
  const { env, credentials } = await served()
  const { stdout } = await promisify(execFile)(process.execPath, [script], { env })
  expect(JSON.parse(stdout)).toEqual(credentials)
})

test('works in a worker thread, which then ends', { timeout: 60_000 }, async () => {
  const { endpoint, credentials } = await served()
  const worker = startThread(endpoint)
  const exited = once(worker, 'exit')
  expect(await once(worker, 'message')).toEqual([credentials])
  expect(await exited).toEqual([0])
})

test('works in the workers of a cluster, which then end', { timeout: 60_000 }, async () => {
  const { env, credentials } = await served()
  cluster.setupPrimary({ exec: script })
  const workers = [cluster.fork(env), cluster.fork(env)]
  const results = workers.map(async ({ process: child }) => {
    const exited = once(child, 'exit')
    return { told: await message(child), exit: await exited }
  })
  for (const { told, exit } of await Promise.all(results)) {
    expect(told).toEqual(credentials)
    expect(exit).toEqual([0, null])
  }
})

test('works in a forked process, which then ends', { timeout: 60_000 }, async () => {
  const { env, credentials } = await served()
  const child = fork(script, { env })
  const exited = once(child, 'exit')
  expect(await message(child)).toEqual(credentials)
  expect(await exited).toEqual([0, null])
})

/** The first message of a child, without the messages of `cluster` itself. */
function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    child.on('message', (said: object) => {
      if ('accessKeyId' in said) resolve(said)
    })
  })
}

test("leaves no listener on a caller's signal, however its calls end", async () => {
  const { clock, instance, provider } = setup()
  const { signal } = new AbortController()
  await Promise.all(Array.from({ length: 10 }, () => provider({ abortSignal: signal })))
  instance.failUntilLifted('all', 'refuse')
  await provider({ abortSignal: signal, forceRefresh: true })
  await clock.advance(24 * 3_600_000)
  await provider({ abortSignal: signal }).catch(() => {})
  await provider.close()
  await expect(provider({ abortSignal: signal })).rejects.toMatchObject({ code: 'CLOSED' })
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('leaves no socket open at IMDS', async () => {
  const { endpoint } = await served()
  const providers = Array.from({ length: 5 }, () => fromInstanceRole({ endpoint, isolated: true }))
  await Promise.all(providers.map((provider) => provider()))
  await Promise.all(providers.map((provider) => provider.close()))
  const sockets = (): string[] =>
    process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap')
  await expect.poll(sockets).toEqual([])
})

test(
  'shares nothing between a worker thread and the process that started it',
  { timeout: 60_000 },
  async () => {
    const { instance, endpoint } = await served()
    await using provider = fromInstanceRole({ endpoint })
    await provider()
    const inTheProcess = instance.requests.length
    const worker = startThread(endpoint)
    await once(worker, 'exit')
    expect(instance.requests.length).toBe(inTheProcess + 4)
  },
)
