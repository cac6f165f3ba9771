// What a program meets whose config file cannot be used, and whose Node may not even look.
import { execFileSync } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { listeningInstance, outputOf } from './child.js'

const PRINT = `
  import { fromInstanceRole } from 'instance-role'
  const warnings = []
  const logger = { debug() {}, info() {}, error() {}, warn: (text) => warnings.push(text) }
  const outcome = await fromInstanceRole({ logger })().then(({ accessKeyId }) => accessKeyId, String)
  console.log(JSON.stringify({ outcome, warnings }))`

test.skipIf(process.platform === 'win32')('ends as usual if the config file is a pipe', async () => {
  const { instance, server } = await listeningInstance()
  const pipe = join(await mkdtemp(join(inject('bareProject'), 'config-')), 'pipe')
  execFileSync('mkfifo', [pipe])
  const env = { ...server.env, AWS_CONFIG_FILE: pipe }
  expect(await outputOf({ source: PRINT, format: 'mjs', env })).toEqual({
    outcome: instance.credentials?.accessKeyId,
    warnings: [`instance-role: The config file ${pipe} is ignored: it is a pipe (FIFO).`],
  })
})

test('works without ~/.aws if Node may not read it', async () => {
  const { instance, server } = await listeningInstance()
  const project = inject('bareProject')
  const nodeArgs = [permissionFlag(), `--allow-fs-read=${project}/*`, '--no-warnings']
  const env = {
    ...server.env,
    HOME: '/home/of-somebody',
    AWS_CONFIG_FILE: '',
    AWS_SHARED_CREDENTIALS_FILE: '',
  }
  const ignored = (file: string, name: string) =>
    `instance-role: The ${file} /home/of-somebody/.aws/${name} is ignored: it may not be read (ERR_ACCESS_DENIED).`
  expect(await outputOf({ source: PRINT, format: 'mjs', env, nodeArgs: [...nodeArgs, ...mayAsk()] })).toEqual(
    {
      outcome: instance.credentials?.accessKeyId,
      warnings: [ignored('config file', 'config'), ignored('credentials file', 'credentials')],
    },
  )
})

function permissionFlag(): string {
  return process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission'
}

/** From Node 25 on, a network is a permission, too. */
function mayAsk(): string[] {
  return process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : []
}
