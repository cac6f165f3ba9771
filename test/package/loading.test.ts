import { readFile, writeFile } from 'node:fs/promises'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, inject, test } from 'vitest'
import { PROCESS_WIDE } from '../../src/runtime/process-wide.js'
import { listeningInstance, outputOf, type Program } from './child.js'

/** Names every module that an ES module resolves; what CommonJS loads is in `require.cache`. */
const RECORD_RESOLVED = `
  import { appendFileSync } from 'node:fs'
  export async function resolve(specifier, context, next) {
    const resolved = await next(specifier, context)
    appendFileSync(process.env.RESOLVED, resolved.url + '\\n')
    return resolved
  }`

const IMPORT = {
  mjs: `
    const require = process.getBuiltinModule('module').createRequire(import.meta.url)
    const { fromInstanceRole } = await import('instance-role')`,
  cjs: `const { fromInstanceRole } = require('instance-role')`,
}

type Format = Program['format']

async function packagesLoaded(format: Format, act: string, env: Record<string, string> = {}) {
  const project = inject('bareProject')
  const hooks = join(project, `resolve-${format}-${String(act.length)}.mjs`)
  const resolved = `${hooks}.txt`
  await writeFile(hooks, RECORD_RESOLVED)
  await writeFile(resolved, '')
  const register = `import { register } from 'node:module'; register(${JSON.stringify(pathToFileURL(hooks).href)})`
  const source = `${IMPORT[format]}
    const print = () => console.log(JSON.stringify(Object.keys(require.cache)))
    ${act}`
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(register)}`]
  const required = await outputOf({ source, format, nodeArgs, env: { ...env, RESOLVED: resolved } })
  const paths = `${await readFile(resolved, 'utf8')}\n${JSON.stringify(required)}`
  const names = paths.matchAll(/node_modules[\\/]+((?:@[^\\/"]+[\\/]+)?[^\\/"]+)/g)
  return [...new Set([...names].map(([, name]) => name))].sort()
}

const FORMATS = ['mjs', 'cjs'] as const

test.each(FORMATS)('loads no other package at import, from .%s', async (format) => {
  expect(await packagesLoaded(format, 'print()')).toEqual(['instance-role'])
})

const LOAD = 'fromInstanceRole()().then(print)'

test.each(FORMATS)(
  'loads no other package for a call that needs no config file, from .%s',
  async (format) => {
    const { server } = await listeningInstance()
    const env = { ...server.env, ...NOTHING_LEFT_TO_THE_CONFIG_FILE }
    expect(await packagesLoaded(format, LOAD, env)).toEqual(['instance-role'])
  },
)

test.each(FORMATS)('loads no other package if there is no config file, from .%s', async (format) => {
  const { server } = await listeningInstance()
  const home = inject('bareProject')
  const env = { ...server.env, HOME: home, AWS_CONFIG_FILE: '', AWS_SHARED_CREDENTIALS_FILE: `${home}/none` }
  expect(await packagesLoaded(format, `${LOAD} // no file`, env)).toEqual(['instance-role'])
})

test.each(FORMATS)(
  'loads no other package for a config file without keys of IMDS, from .%s',
  async (format) => {
    const { server } = await listeningInstance()
    const file = join(inject('bareProject'), `config-${format}`)
    await writeFile(file, '[default]\nregion = eu-central-1\ncredential_source = Ec2InstanceMetadata\n')
    const env = { ...server.env, AWS_CONFIG_FILE: file, AWS_SHARED_CREDENTIALS_FILE: devNull }
    expect(await packagesLoaded(format, `${LOAD} // no key in it`, env)).toEqual(['instance-role'])
  },
)

test.each(FORMATS)(
  "loads the SDK's loader for a config file that decides something, from .%s",
  async (format) => {
    const { server } = await listeningInstance()
    const file = join(inject('bareProject'), `deciding-config-${format}`)
    await writeFile(file, '[default]\nmetadata_service_timeout = 2\n')
    const env = { ...server.env, AWS_CONFIG_FILE: file, AWS_SHARED_CREDENTIALS_FILE: devNull }
    const loaded = await packagesLoaded(format, `${LOAD} // a key in the file`, env)
    expect(loaded).toContain('@smithy/core')
  },
)

const NOTHING_LEFT_TO_THE_CONFIG_FILE = {
  AWS_EC2_METADATA_DISABLED: 'false',
  AWS_EC2_METADATA_V1_DISABLED: 'true',
  AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: 'IPv4',
  AWS_METADATA_SERVICE_TIMEOUT: '1',
  AWS_METADATA_SERVICE_NUM_ATTEMPTS: '1',
  AWS_EC2_INSTANCE_PROFILE_NAME: 'app-role',
}

const WATCH = `
  const look = () => new Map(Reflect.ownKeys(globalThis).map((key) => {
    const { value, get } = Object.getOwnPropertyDescriptor(globalThis, key)
    return [key, value ?? get]
  }))
  // From Node 24 on, the first look fills in what Node defines late.
  look()
  const changes = (before, after) => [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => !Object.is(before.get(key), after.get(key))).map(String)
  const resources = () => process.getActiveResourcesInfo().filter((name) => !/^(PipeWrap|TTYWrap)$/.test(name))
`

test.each<Format>(['mjs', 'cjs'])('changes nothing and opens nothing at import, from .%s', async (format) => {
  const source = `${WATCH}
    // In a timer, because the module loader's own files are closed by then.
    const soon = () => new Promise((resolve) => setTimeout(() => resolve(resources().sort()), 20))
    async function main() {
      const [resourcesBefore, before] = [await soon(), look()]
      ${IMPORT[format]}
      const changed = changes(before, look())
      const isSame = JSON.stringify(await soon()) === JSON.stringify(resourcesBefore)
      console.log(JSON.stringify({ changed, isSame, isImported: typeof fromInstanceRole }))
    }
    main()`
  expect(await outputOf({ source, format })).toEqual({ changed: [], isSame: true, isImported: 'function' })
})

test.each<Format>(['mjs', 'cjs'])(
  'adds one name to the globals at a load, and changes none, from .%s',
  async (format) => {
    const { server } = await listeningInstance()
    const source = `${IMPORT[format]}
      ${WATCH}
      async function main() {
        // Node fills this one in when it is first used.
        void AbortController
        const before = look()
        await fromInstanceRole()()
        console.log(JSON.stringify(changes(before, look())))
      }
      main()`
    expect(await outputOf({ source, format, env: server.env })).toEqual([String(PROCESS_WIDE)])
  },
)
