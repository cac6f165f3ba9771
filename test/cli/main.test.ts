import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCli } from './run-cli.js'

test('lists its commands', async () => {
  const { status, stdout, stderr } = await runCli(['--help'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^ {2}emulate +\S/m)
})

test('prints its version', async () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  expect(await runCli(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
})

test.each([
  [[], 'name a command; see instance-role --help'],
  [['nonsense'], 'there is no command nonsense; see instance-role --help'],
  [['--nonsense'], 'there is no flag --nonsense; see instance-role --help'],
  [['docter'], 'there is no command docter; did you mean doctor?'],
  [['credential'], 'there is no command credential; did you mean credentials?'],
  [['meulate'], 'there is no command meulate; did you mean emulate?'],
  [['--hlep'], 'there is no flag --hlep; did you mean --help?'],
])('answers %j with a line and status 2', async (args, line) => {
  expect(await runCli(args)).toEqual({ status: 2, stdout: '', stderr: `instance-role: ${line}\n` })
})

test('suggests the likely flag for a misspelled one, in every command', async () => {
  const { stdout } = await runCli(['--help'])
  const names = [...stdout.matchAll(/^ {2}(\w+) {2}/gm)].map(([, name = '']) => name)
  expect(names).toContain('doctor')
  const runs = await Promise.all(names.map((name) => runCli([name, '--hepl'])))
  expect(runs.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
    names.map((name) => ({
      status: 2,
      stderr: `instance-role ${name}: Unknown option '--hepl'; did you mean --help?\n`,
    })),
  )
})
