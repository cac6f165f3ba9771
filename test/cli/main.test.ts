import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCli } from './run-cli.js'

test('lists its commands', async () => {
  const { status, stdout, stderr } = await runCli(['--help'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^ {2}emulate +\S/m)
})

test('tells its version', async () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  expect(await runCli(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
})

test.each([
  [[], 'name a command; see instance-role --help'],
  [['nonsense'], 'there is no command nonsense; see instance-role --help'],
  [['--nonsense'], 'there is no flag --nonsense; see instance-role --help'],
])('answers %j with a line and status 2', async (args, line) => {
  expect(await runCli(args)).toEqual({ status: 2, stdout: '', stderr: `instance-role: ${line}\n` })
})
