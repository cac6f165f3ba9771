import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { readConfigFiles } from '../../src/config/config-sources.js'
import { fromInstanceRole } from '../../src/index.js'
import { type Host, systemHost } from '../../src/runtime/host.js'
import { emulateInstance } from '../../src/testing/index.js'

const LIMIT_MS = 5_000
const SETTINGS = '[default]\nmetadata_service_timeout = 2\n'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'config-files-'))
})

afterEach(() => rm(folder, { recursive: true }))

function inFolder(name: string): string {
  return path.join(folder, name)
}

/** The config of a process whose variables name these files. The home directory has none. */
function read(config: string, credentials = inFolder('none'), host: Partial<Host> = {}) {
  const env = { HOME: folder, AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: credentials }
  return readConfigFiles(LIMIT_MS, { ...systemHost, env: () => env, ...host })
}

const NOTHING = { configFile: {}, credentialsFile: {} }

const NO_REGULAR_FILE: readonly (readonly [string, (at: string) => unknown])[] = [
  ['a pipe (FIFO)', (at) => execFileSync('mkfifo', [at])],
  ['a directory', (at) => fs.mkdirSync(at)],
  ['a device', (at) => symlink('/dev/zero', at)],
  ['a socket', listenAt],
]

function listenAt(at: string): Promise<void> {
  const server = createServer()
  onTestFinished(() => void server.close())
  return new Promise((resolve) => server.listen(at, resolve))
}

/** A file system that tells which files were opened. */
function watchedFs() {
  const opened: string[] = []
  const readFile = ((at: string, ...rest: never[]) => {
    opened.push(at)
    return fs.promises.readFile(at, ...rest)
  }) as typeof fs.promises.readFile
  return { opened, host: { fs: () => ({ ...fs, promises: { ...fs.promises, readFile } }) } }
}

test.skipIf(process.platform === 'win32').each(NO_REGULAR_FILE)(
  'treats %s as absent, never opens it, and warns about it',
  async (kind, make) => {
    const at = inFolder('config')
    await make(at)
    const { opened, host } = watchedFs()
    expect(await read(at, undefined, host)).toEqual({
      ...NOTHING,
      warnings: [`The config file ${at} is ignored: it is ${kind}.`],
    })
    expect(opened).toEqual([])
  },
)

test.skipIf(process.platform === 'win32')('reads one file although the other is a pipe', async () => {
  const [config, pipe] = [inFolder('config'), inFolder('pipe')]
  await writeFile(config, SETTINGS)
  execFileSync('mkfifo', [pipe])
  const warnings = [`The credentials file ${pipe} is ignored: it is a pipe (FIFO).`]
  const { configFile } = await read(config, pipe)
  expect(configFile).toEqual({ default: { metadata_service_timeout: '2' } })
  expect(await read(pipe, config)).toMatchObject({
    credentialsFile: configFile,
    warnings: [warnings[0]?.replace('credentials', 'config')],
  })
  expect(await read(config, pipe)).toMatchObject({ warnings })
})

test('treats a missing file as absent, without a warning', async () => {
  await writeFile(inFolder('file'), '')
  for (const missing of [inFolder('missing'), inFolder('file/beneath')])
    expect(await read(missing)).toEqual({ ...NOTHING, warnings: [] })
})

test('treats the null device as absent, without a warning, even behind a link', async () => {
  await symlink(os.devNull, inFolder('link'))
  expect(await read(os.devNull, inFolder('link'))).toEqual({ ...NOTHING, warnings: [] })
})

test.each<[string, keyof Pick<typeof fs, 'statSync' | 'accessSync'>]>([
  // As with `node --permission`, or with a folder that may not be searched.
  ['ERR_ACCESS_DENIED', 'statSync'],
  ['EACCES', 'statSync'],
  ['ELOOP', 'statSync'],
  ['EACCES', 'accessSync'],
])('treats a file that may not be read as absent, with a warning: %s of %s', async (code, method) => {
  const at = inFolder('config')
  await writeFile(at, SETTINGS)
  const refuse = () => {
    throw Object.assign(new Error('refused'), { code })
  }
  expect(await read(at, os.devNull, { fs: () => ({ ...fs, [method]: refuse }) })).toEqual({
    ...NOTHING,
    warnings: expect.arrayContaining([
      `The config file ${at} is ignored: it may not be read (${code}).`,
    ]) as [],
  })
})

test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
  'treats a file without read permission as absent, with a warning',
  async () => {
    const at = inFolder('config')
    await writeFile(at, SETTINGS, { mode: 0o000 })
    expect(await read(at)).toEqual({
      ...NOTHING,
      warnings: [`The config file ${at} is ignored: it may not be read (EACCES).`],
    })
  },
)

test.each<[string, Uint8Array]>([
  ['UTF-16 or no text at all', Buffer.from(`\uFEFF${SETTINGS}`, 'utf16le')],
  ['UTF-16 or no text at all', Buffer.from(SETTINGS, 'utf16le').swap16()],
  ['UTF-16 or no text at all', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0)],
  ['not UTF-8', Buffer.from(`# für die Anwendung\n${SETTINGS}`, 'latin1')],
])('warns about a file that is %s', async (what, bytes) => {
  const at = inFolder('config')
  await writeFile(at, bytes)
  expect(await read(at)).toMatchObject({
    warnings: [`The config file ${at} is ${what}: settings in it may be missed. Save it as UTF-8.`],
  })
})

test.each(['', '\uFEFF', '# für alle\n', '# 日本語\r\n'])(
  'reads UTF-8 text that begins with %j',
  async (begin) => {
    const at = inFolder('config')
    await writeFile(at, `${begin}${SETTINGS}`)
    expect(await read(at)).toEqual({
      configFile: { default: { metadata_service_timeout: '2' } },
      credentialsFile: {},
      warnings: [],
    })
  },
)

test('finds the home directory as the AWS SDKs do', async () => {
  await fs.promises.mkdir(inFolder('.aws'))
  await writeFile(inFolder('.aws/config'), SETTINGS)
  const homes: readonly (readonly [Readonly<Record<string, string>>, string | undefined])[] = [
    [{ HOME: folder, USERPROFILE: '/elsewhere' }, '/elsewhere'],
    [{ HOME: '', USERPROFILE: folder, HOMEPATH: '/elsewhere' }, '/elsewhere'],
    [{ HOMEDRIVE: folder.slice(0, 2), HOMEPATH: folder.slice(2) }, '/elsewhere'],
    [{}, folder],
  ]
  for (const [env, home] of homes) {
    const host = { ...systemHost, env: () => env, homedir: () => home }
    const { configFile } = await readConfigFiles(LIMIT_MS, host)
    expect({ env, configFile }).toEqual({ env, configFile: { default: { metadata_service_timeout: '2' } } })
  }
})

test('gives up on a file that is not read in time', async () => {
  const at = inFolder('config')
  await writeFile(at, SETTINGS)
  const readFile = (() => new Promise(() => {})) as typeof fs.promises.readFile
  const host = { fs: () => ({ ...fs, promises: { ...fs.promises, readFile } }) }
  const env = () => ({ AWS_CONFIG_FILE: at })
  await expect(readConfigFiles(30, { ...systemHost, ...host, env })).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringMatching(
      /^The config file \(AWS_CONFIG_FILE\) or credentials file \(AWS_SHARED_CREDENTIALS_FILE\) is not read within 30 ms\. Let /,
    ) as string,
  })
})

/** An instance, and a directory in place of the config file. */
async function setupUnusable() {
  const instance = emulateInstance()
  const { endpoint } = await instance.listen()
  const directory = inFolder('directory')
  fs.mkdirSync(directory)
  vi.stubEnv('AWS_CONFIG_FILE', directory)
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', os.devNull)
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await instance.close()
  })
  return { endpoint, warning: `instance-role: The config file ${directory} is ignored: it is a directory.` }
}

function createLogger() {
  const warn = vi.fn()
  return { debug: () => {}, info: () => {}, error: () => {}, warn }
}

test('warns a logger once, however many providers share it', async () => {
  const { endpoint, warning } = await setupUnusable()
  const logger = createLogger()
  const providers = [1, 2].map(() => fromInstanceRole({ endpoint, logger, isolated: true }))
  for (const provider of providers) await provider()
  expect(logger.warn.mock.calls).toEqual([[warning]])
})

test('warns the logger of the calling client if the provider has none', async () => {
  const { endpoint, warning } = await setupUnusable()
  const logger = createLogger()
  const region = () => Promise.resolve('eu-central-1')
  await fromInstanceRole({ endpoint })({ callerClientConfig: { logger, region } })
  expect(logger.warn.mock.calls).toEqual([[warning]])
})

test('returns the credentials although the logger throws', async () => {
  const { endpoint } = await setupUnusable()
  const fail = () => {
    throw new Error('disk full')
  }
  const logger = { ...createLogger(), warn: fail }
  expect(await fromInstanceRole({ endpoint, logger })()).toHaveProperty('accessKeyId')
})
