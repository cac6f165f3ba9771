import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { FIRST_LOAD } from '../setup.js'
import { listeningInstance, outputOf, type Program, runProgram } from './child.js'

const LOAD = {
  mjs: `import { fromInstanceRole } from 'instance-role'`,
  cjs: `const { fromInstanceRole } = require('instance-role')`,
}
const FORMATS: readonly Program['format'][] = ['mjs', 'cjs']
const major = Number(process.versions.node.split('.')[0])
const HAS_LIMITS = process.platform !== 'win32'

async function configFile(text = '[default]\nmetadata_service_timeout = 2\n'): Promise<string> {
  const path = join(await mkdtemp(join(inject('bareProject'), 'config-')), 'config')
  await writeFile(path, text)
  return path
}

/** What it is that the process does without, by a look of its own: `memory` where nothing is missing. */
const WEB_ASSEMBLY = `
  const webAssembly = () => {
    try {
      return new WebAssembly.Memory({ initial: 1 }) && 'memory'
    } catch (error) {
      return error.name
    }
  }`

const RESTRICTIONS: readonly {
  readonly what: string
  readonly program: Pick<Program, 'nodeArgs' | 'limit'>
  readonly webAssembly: string
  readonly exists?: boolean
}[] = [
  {
    what: 'may not compile at run time',
    program: { nodeArgs: ['--jitless'] },
    webAssembly: 'ReferenceError',
  },
  {
    what: 'may use 4 GB of addresses',
    program: { limit: '-v 4000000' },
    // What undici's parser needs.
    webAssembly: major < 24 ? 'RangeError' : 'memory',
    exists: process.platform === 'linux',
  },
  {
    what: 'has its intrinsics frozen',
    program: { nodeArgs: ['--frozen-intrinsics'] },
    webAssembly: 'memory',
  },
]

for (const { what, program, webAssembly, exists = true } of RESTRICTIONS)
  for (const format of FORMATS)
    test.skipIf(!exists)(
      `loads in a process that ${what}, config file included, from .${format}`,
      async () => {
        const { instance, server } = await listeningInstance()
        const source = `${LOAD[format]}${WEB_ASSEMBLY}
        fromInstanceRole()().then(({ accessKeyId }) =>
          console.log(JSON.stringify({ accessKeyId, webAssembly: webAssembly() })))`
        const env = { ...server.env, AWS_CONFIG_FILE: await configFile() }
        expect(await outputOf({ source, format, env, ...program })).toEqual({
          accessKeyId: instance.credentials?.accessKeyId,
          webAssembly,
        })
        expect(instance.requests).toEqual(FIRST_LOAD)
      },
    )

test.skipIf(major < 26)('names the flag of Node if the network is not permitted', async () => {
  const { instance, server } = await listeningInstance()
  const source = `${LOAD.mjs}
    const { code, message } = await fromInstanceRole({ retries: 0 })().catch((error) => error)
    console.log(JSON.stringify({ code, message }))`
  const nodeArgs = ['--permission', '--allow-fs-read=*']
  expect(await outputOf({ source, format: 'mjs', env: server.env, nodeArgs })).toEqual({
    code: 'UNREACHABLE',
    message: expect.stringContaining('--allow-net') as string,
  })
  expect(instance.requests).toEqual([])
})

/** Takes every file descriptor that is left, and gives them back. */
const DESCRIPTORS = `
  const fs = process.getBuiltinModule('node:fs')
  const taken = []
  const take = () => {
    try {
      for (;;) taken.push(fs.openSync('/dev/null'))
    } catch (error) {
      if (error.code !== 'EMFILE') throw error
    }
  }
  const giveBack = () => { for (const one of taken.splice(0)) fs.closeSync(one) }
  const told = ({ name, code, message }) => ({ name, code, isNamed: message.includes('EMFILE') })`

for (const format of FORMATS)
  for (const withFile of [false, true])
    test.skipIf(!HAS_LIMITS)(
      `says that no file descriptor is left at the first call, and recovers, ${withFile ? 'with' : 'without'} a config file, from .${format}`,
      async () => {
        const { instance, server } = await listeningInstance()
        const source = `${LOAD[format]}${DESCRIPTORS}
          async function main() {
            const provider = fromInstanceRole({ retries: 0 })
            take()
            const first = await provider().then(String, told)
            giveBack()
            const { accessKeyId } = await provider.ready()
            console.log(JSON.stringify({ first, accessKeyId }))
          }
          main()`
        const env = { ...server.env, AWS_CONFIG_FILE: withFile ? await configFile() : '/nowhere/config' }
        expect(await outputOf({ source, format, env, limit: '-n 64' })).toEqual({
          first: { name: 'InstanceRoleError', code: 'UNREACHABLE', isNamed: true },
          accessKeyId: instance.credentials?.accessKeyId,
        })
      },
    )

for (const format of FORMATS)
  test.skipIf(!HAS_LIMITS)(
    `heeds the config file though the last file descriptor went while its loader was being loaded, from .${format}`,
    async () => {
      const { instance, server } = await listeningInstance()
      // Another part of the process takes them just after this library has checked.
      const source = `${LOAD[format]}${DESCRIPTORS}
        const closeSync = fs.closeSync
        async function main() {
          const provider = fromInstanceRole()
          fs.closeSync = (one) => { closeSync(one); take() }
          const first = await provider().then(String, told)
          fs.closeSync = closeSync
          giveBack()
          const { accessKeyId } = await provider()
          console.log(JSON.stringify({ first, accessKeyId }))
        }
        main()`
      const env = {
        ...server.env,
        AWS_CONFIG_FILE: await configFile('[default]\nec2_instance_profile_name = app-role\n'),
      }
      expect(await outputOf({ source, format, env, limit: '-n 64' })).toEqual({
        first: { name: 'InstanceRoleError', code: 'UNREACHABLE', isNamed: true },
        accessKeyId: instance.credentials?.accessKeyId,
      })
      // The role is named by the file: it is not asked for.
      expect(instance.requests).toEqual([FIRST_LOAD[0], FIRST_LOAD[2]])
    },
  )

test.skipIf(!HAS_LIMITS)(
  'does not treat the config file as empty while no file descriptor is left',
  async () => {
    const { instance, server } = await listeningInstance()
    // The loader is there already, as with a client of the AWS SDK.
    const source = `${LOAD.mjs}${DESCRIPTORS}
      await import('@smithy/core/config')
      const provider = fromInstanceRole({ retries: 0 })
      take()
      const first = await provider().then(String, told)
      giveBack()
      await provider()
      console.log(JSON.stringify(first))`
    const config = await configFile('[default]\nec2_instance_profile_name = app-role\n')
    const env = { ...server.env, AWS_CONFIG_FILE: config }
    expect(await outputOf({ source, format: 'mjs', env, limit: '-n 64' })).toEqual({
      name: 'InstanceRoleError',
      code: 'UNREACHABLE',
      isNamed: true,
    })
    expect(instance.requests).toEqual([FIRST_LOAD[0], FIRST_LOAD[2]])
  },
)

test('ignores the config file, with one warning, if its loader is the browser build', async () => {
  const { instance, server } = await listeningInstance()
  const source = `${LOAD.mjs}
    await fromInstanceRole({ isolated: true })()
    console.log((await fromInstanceRole({ isolated: true })()).accessKeyId)`
  const nodeArgs = ['--conditions=browser']
  const env = { ...server.env, AWS_CONFIG_FILE: await configFile() }
  const ended = await runProgram({ source, format: 'mjs', env, nodeArgs })
  expect(ended).toMatchObject({ code: 0, stdout: `${String(instance.credentials?.accessKeyId)}\n` })
  expect(ended.stderr.match(/InstanceRoleWarning/g)).toHaveLength(1)
  expect(ended.stderr).toContain('AWS_CONFIG_FILE')
})
