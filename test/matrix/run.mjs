// `npm run matrix`: the packed package on other runtimes, which are installed beside it and are no dependencies of this repository.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile, copyFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const TIME_LIMIT_MS = 60_000

/** Of each: the package that holds the executable, and how a script is run. */
const platform = `${process.platform}-${process.arch}`
const RUNTIMES = [
  { name: 'node', command: () => [process.execPath] },
  { name: 'bun', install: `@oven/bun-${platform}`, command: (at) => [join(at, 'bin/bun')] },
  {
    name: 'deno',
    install: `@deno/${platform}${process.platform === 'linux' ? '-glibc' : ''}`,
    command: (at) => [join(at, 'deno'), 'run', '--allow-all', '--node-modules-dir=manual'],
  },
]

const ALIKE = {
  loads: true,
  refreshes: true,
  servesAClient: true,
  survivesAnOutage: 'SERVER_ERROR',
  pastAProxy: 'none',
  pastAnExcludedProxy: 'none',
  unanswered: 'HOP_LIMIT',
  unreachable: 'UNREACHABLE',
  proxied: 0,
}

/** Where a runtime differs from Node, as docs/runtimes.md says. */
const OTHERWISE = {
  bun: { pastAProxy: 'SERVER_ERROR', proxied: 1 },
}

async function npm(cwd, ...args) {
  return run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, maxBuffer: 1e8 })
}

async function installApplication(at) {
  const { emulateInstance } = await import(join(root, 'dist/testing/index.js'))
  await writeFile(join(at, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const { stdout } = await npm(root, 'pack', '--json', '--pack-destination', at)
  const [{ filename }] = JSON.parse(stdout)
  await npm(at, 'install', '--ignore-scripts', join(at, filename), '@aws-sdk/client-s3')
  await copyFile(join(root, 'test/matrix/smoke.mjs'), join(at, 'smoke.mjs'))
  return emulateInstance
}

/** An instance, and what lets the program on the other runtime have its way with it. */
async function startInstance(emulateInstance) {
  const instance = emulateInstance()
  const { endpoint } = await instance.listen()
  const orders = {
    '/rotate': () => instance.rotate(),
    '/break': () => instance.failUntilLifted('all', { status: 500 }),
    '/mend': () => instance.clearFaults(),
    '/hush': () => instance.failUntilLifted('all', 'silence'),
  }
  let proxied = 0
  const server = createServer((request, response) => {
    const order = orders[request.url]
    if (order === undefined) proxied += 1
    order?.()
    response.writeHead(order === undefined ? 502 : 200).end()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await instance.close()
  }
  return { endpoint, control: `http://127.0.0.1:${server.address().port}`, proxied: () => proxied, close }
}

async function runtimeCommand({ name, install, command }, at) {
  if (install === undefined) return command('')
  try {
    await npm(at, 'install', '--ignore-scripts', '--no-save', install)
  } catch {
    console.log(`SKIPPED  ${name}: ${install} is not to be had here`)
    return undefined
  }
  return command(join(at, 'node_modules', install))
}

async function tryRuntime(runtime, at, emulateInstance) {
  const command = await runtimeCommand(runtime, at)
  if (command === undefined) return true
  const [executable, ...args] = command
  const { endpoint, control, proxied, close } = await startInstance(emulateInstance)
  try {
    const startedAt = Date.now()
    const unconnectable = 'http://127.0.0.1:9'
    const { stdout } = await run(executable, [...args, 'smoke.mjs', endpoint, control, unconnectable], {
      cwd: at,
      timeout: TIME_LIMIT_MS,
      env: { ...process.env, AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' },
    })
    const seen = { ...JSON.parse(stdout), proxied: proxied(), tookMs: Date.now() - startedAt }
    const expected = Object.entries({ ...ALIKE, ...OTHERWISE[runtime.name] })
    const holds = expected.every(([what, value]) => seen[what] === value)
    console.log(`${holds ? 'ok      ' : 'NOT OK  '} ${runtime.name}: ${JSON.stringify(seen)}`)
    return holds
  } catch (error) {
    console.log(`NOT OK   ${runtime.name}: ${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`)
    return false
  } finally {
    await close()
  }
}

const at = await mkdtemp(join(tmpdir(), 'instance-role-matrix-'))
try {
  const emulateInstance = await installApplication(at)
  for (const runtime of RUNTIMES) if (!(await tryRuntime(runtime, at, emulateInstance))) process.exitCode = 1
} finally {
  await rm(at, { recursive: true, force: true })
}
