import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { FIRST_LOAD, TOKEN } from '../setup.js'
import { listeningInstance, outputOf } from './child.js'

const PRINT_REQUESTS = `
  const instance = emulateInstance()
  const { endpoint } = await instance.listen()
  const { accessKeyId } = await fromInstanceRole({ endpoint })()
  console.log(JSON.stringify([accessKeyId === instance.credentials.accessKeyId, ...instance.requests]))
  await instance.close()
`

test('returns credentials in an ES module with an emulated instance', async () => {
  const source = `
    import { fromInstanceRole } from 'instance-role'
    import { emulateInstance } from 'instance-role/testing'
    ${PRINT_REQUESTS}`
  expect(await outputOf({ source, format: 'mjs' })).toEqual([true, ...FIRST_LOAD])
})

test('returns credentials in a CommonJS module with an emulated instance', async () => {
  const source = `
    const { fromInstanceRole } = require('instance-role')
    const { emulateInstance } = require('instance-role/testing')
    async function main() { ${PRINT_REQUESTS} }
    main()`
  expect(await outputOf({ source, format: 'cjs' })).toEqual([true, ...FIRST_LOAD])
})

test.each(['mjs', 'cjs'] as const)('shows the name of an uncaught error, in %s', async (format) => {
  const load =
    format === 'mjs'
      ? `import { InstanceRoleError } from 'instance-role'`
      : `const { InstanceRoleError } = require('instance-role')`
  const source = `${load}
    const error = new InstanceRoleError('NO_ROLE', 'No role.')
    console.log(JSON.stringify([InstanceRoleError.name, error.stack.split('\\n')[0]]))`
  expect(await outputOf({ source, format })).toEqual([
    'InstanceRoleError',
    expect.stringMatching(/^InstanceRoleError: No role\. Attach /),
  ])
})

test('shares one source between both formats in one process', async () => {
  const { instance, server } = await listeningInstance()
  const source = `
    import { createRequire } from 'node:module'
    import * as esm from 'instance-role'
    const cjs = createRequire(import.meta.url)('instance-role')
    const providers = [esm.fromInstanceRole(), cjs.fromInstanceRole()]
    const keys = await Promise.all(providers.map(async (provider) => (await provider()).accessKeyId))
    console.log(JSON.stringify({ keys, areTwoCopies: esm.fromInstanceRole !== cjs.fromInstanceRole }))`
  const key = instance.credentials?.accessKeyId
  expect(await outputOf({ source, format: 'mjs', env: server.env })).toEqual({
    keys: [key, key],
    areTwoCopies: true,
  })
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('reads the region once for both formats in one process', async () => {
  const { instance, server } = await listeningInstance()
  const source = `
    import { createRequire } from 'node:module'
    import * as esm from 'instance-role'
    const cjs = createRequire(import.meta.url)('instance-role')
    const regions = await Promise.all([esm, cjs, esm].map((copy) => copy.fromInstanceMetadataRegion()()))
    console.log(JSON.stringify([...regions, await new cjs.MetadataClient().region()]))`
  const region = 'eu-central-1'
  expect(await outputOf({ source, format: 'mjs', env: server.env })).toEqual([region, region, region, region])
  expect(instance.requests).toEqual([`${TOKEN} 200`, 'GET /latest/meta-data/placement/region 200'])
})

test('reads the config file with the loader of the AWS SDK, in both formats', async () => {
  const { instance, server } = await listeningInstance()
  const config = join(await mkdtemp(join(inject('bareProject'), 'config-')), 'config')
  await writeFile(config, '[default]\nec2_instance_profile_name = app-role\n')
  const main = `fromInstanceRole()().then(({ accessKeyId }) => console.log(JSON.stringify(accessKeyId)))`
  const env = { ...server.env, AWS_CONFIG_FILE: config }
  const esm = `import { fromInstanceRole } from 'instance-role'; ${main}`
  const cjs = `const { fromInstanceRole } = require('instance-role'); ${main}`
  const key = instance.credentials?.accessKeyId
  expect(await outputOf({ source: esm, format: 'mjs', env })).toBe(key)
  expect(await outputOf({ source: cjs, format: 'cjs', env })).toBe(key)
  // The role is named by the file: it is not asked for.
  const [token, , credentials] = FIRST_LOAD
  expect(instance.requests).toEqual([token, credentials, token, credentials])
})
