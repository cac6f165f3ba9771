import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { WITHOUT_HOME } from '../without-home.js'
import { listeningInstance, outputOf } from './child.js'

const LOAD_WITHOUT_HOME = `${WITHOUT_HOME}
  const { fromInstanceRole } = await import('instance-role')
  const outcome = await fromInstanceRole()().then(({ accessKeyId }) => accessKeyId, String)
  console.log(JSON.stringify(outcome))`

test('works without a home directory', async () => {
  const { instance, server } = await listeningInstance()
  const env = { ...server.env, AWS_CONFIG_FILE: '', AWS_SHARED_CREDENTIALS_FILE: '' }
  const outcome = await outputOf({ source: LOAD_WITHOUT_HOME, format: 'mjs', env })
  expect(outcome).toBe(instance.credentials?.accessKeyId)
})

test('works without a home directory if the named config file has no setting of IMDS', async () => {
  const { instance, server } = await listeningInstance()
  const env = { ...server.env, AWS_CONFIG_FILE: join(inject('bareProject'), 'package.json') }
  const outcome = await outputOf({ source: LOAD_WITHOUT_HOME, format: 'mjs', env })
  expect(outcome).toBe(instance.credentials?.accessKeyId)
})

test('says that the named config file cannot be read without a home directory', async () => {
  const { server } = await listeningInstance()
  const file = join(inject('bareProject'), 'config-without-home')
  await writeFile(file, '[default]\nmetadata_service_timeout = 2\n')
  const env = { ...server.env, AWS_CONFIG_FILE: file }
  const outcome = await outputOf({ source: LOAD_WITHOUT_HOME, format: 'mjs', env })
  expect(outcome).toContain(
    'The config file (AWS_CONFIG_FILE) or credentials file (AWS_SHARED_CREDENTIALS_FILE) is not read, because there is no home directory. Set HOME.',
  )
})
