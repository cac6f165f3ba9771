// Fails if the compose recipe installs another version, never becomes healthy, or fills the log with health checks.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { parseEmulateOptions } from '../../src/cli/emulate-options.js'
import { emulateInstance } from '../../src/testing/index.js'
import { runNode } from '../package/child.js'
import { SNIPPETS } from './snippets.js'

interface Compose {
  readonly services: {
    readonly instance: {
      readonly command: string
      readonly healthcheck: { readonly test: readonly string[]; readonly start_interval: string }
      readonly ports: readonly string[]
    }
    readonly app: {
      readonly network_mode: string
      readonly ports?: unknown
      readonly environment: Readonly<Record<string, string>>
    }
  }
}

const text = SNIPPETS.find(({ page, language }) => page === 'docs/testing.md' && language === 'yaml')?.text
const { instance, app } = (parseYaml(text ?? '') as Compose).services

/** The health check of the recipe, for another port. */
function check(port: number) {
  const [kind, node, ...args] = instance.healthcheck.test
  expect([kind, node]).toEqual(['CMD', 'node'])
  return runNode(
    args.map((arg) => arg.replace('1338', String(port))),
    import.meta.dirname,
  )
}

test('starts the version of this package, on the port that the program is given', () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const [npx, yes, what, command, ...flags] = instance.command.split(' ')
  expect([npx, yes, what, command]).toEqual(['npx', '--yes', `instance-role@${version}`, 'emulate'])
  const endpoint = `http://127.0.0.1:${parseEmulateOptions(flags).port}`
  expect(app.environment['AWS_EC2_METADATA_SERVICE_ENDPOINT']).toBe(endpoint)
  expect(instance.healthcheck.test.join(' ')).toContain('connect(1338,')
})

test('publishes ports where the network is', () => {
  expect(app).toMatchObject({ network_mode: 'service:instance' })
  expect(app).not.toHaveProperty('ports')
  expect(instance.ports).toHaveLength(1)
})

test('the health check passes once the instance listens, and asks it nothing', async () => {
  await using emulated = emulateInstance()
  const server = await emulated.listen()
  expect(await check(server.port)).toMatchObject({ code: 0, stdout: '', stderr: '' })
  expect(emulated.requests).toEqual([])
})

test('the health check fails while nothing listens', async () => {
  const emulated = emulateInstance()
  const { port } = await emulated.listen()
  await emulated.close()
  expect((await check(port)).code).toBe(1)
})
