// Fails if a reader types a command of the docs, and it does not exist or lacks something.
import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { type Command } from '../../src/cli/command.js'
import { credentials } from '../../src/cli/credentials.js'
import { doctor } from '../../src/cli/doctor.js'
import { emulate } from '../../src/cli/emulate.js'
import { exec } from '../../src/cli/exec.js'
import { serve } from '../../src/cli/serve.js'
import { optionsIn, shellWords } from './shell-words.js'
import { SNIPPETS } from './snippets.js'

const COMMANDS: readonly Command[] = [doctor, credentials, exec, serve, emulate]

const lines = SNIPPETS.filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n'))
  .flatMap((line) => line.split(/ && |; /))

/** The commands that begin with these words, without them. */
function commandsOf(...beginning: readonly string[]): string[][] {
  return lines
    .map(shellWords)
    .filter((words) => beginning.every((word, index) => words[index] === word))
    .map((words) => words.slice(beginning.length))
}

test('every command of instance-role exists, and takes its flags', async () => {
  const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const shown = [...commandsOf('npx', 'instance-role'), ...commandsOf('instance-role')]
  const statuses: unknown[] = []
  for (const [name, ...flags] of shown)
    statuses.push(await COMMANDS.find((one) => one.name === name)?.run(['--help', ...flags]))
  output.mockRestore()
  expect(new Set(shown.map(([name]) => name))).toEqual(new Set(COMMANDS.map(({ name }) => name)))
  expect(statuses).toEqual(shown.map(() => 0))
})

test('every npm script that is named exists', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: Record<string, string>
  }
  const named = [...commandsOf('npm', 'run').map(([name]) => name), 'start', 'test']
  expect(named.length).toBeGreaterThan(4)
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named))
})

interface AwsOptions {
  readonly required: readonly string[]
  readonly optional?: readonly string[]
}

/** What the AWS CLI asks for. `npm run infrastructure` puts the same commands through the AWS CLI itself. */
const AWS: Readonly<Record<string, AwsOptions>> = {
  'cloudformation deploy': {
    required: ['stack-name', 'template-file'],
    optional: ['capabilities'],
  },
  'configure list': { required: [] },
  'ec2 associate-iam-instance-profile': { required: ['instance-id', 'iam-instance-profile'] },
  'ec2 describe-iam-instance-profile-associations': { required: [], optional: ['filters'] },
  'ec2 describe-instance-status': { required: [], optional: ['instance-ids'] },
  'ec2 describe-instances': { required: [], optional: ['instance-ids', 'query'] },
  'ec2 modify-instance-metadata-defaults': { required: [], optional: ['http-put-response-hop-limit'] },
  'ec2 modify-instance-metadata-options': {
    required: ['instance-id'],
    optional: [
      ...['http-endpoint', 'http-protocol-ipv6', 'http-put-response-hop-limit', 'http-tokens'],
      'instance-metadata-tags',
    ],
  },
  'ec2 replace-iam-instance-profile-association': { required: ['association-id', 'iam-instance-profile'] },
  'ec2 run-instances': {
    required: ['image-id', 'instance-type'],
    optional: ['iam-instance-profile', 'metadata-options'],
  },
  'iam add-role-to-instance-profile': { required: ['instance-profile-name', 'role-name'] },
  'iam create-instance-profile': { required: ['instance-profile-name'] },
  'iam create-role': { required: ['role-name', 'assume-role-policy-document'] },
  'iam get-role': { required: ['role-name'], optional: ['query'] },
  'iam put-role-policy': { required: ['role-name', 'policy-name', 'policy-document'] },
  'iam update-assume-role-policy': { required: ['role-name', 'policy-document'] },
}

const aws = commandsOf('aws').map(([service = '', operation = '', ...rest]) => ({
  name: `${service} ${operation}`,
  options: optionsIn(rest),
}))

test.each(aws)('aws $name has the options that it needs, and no other', ({ name, options }) => {
  const { required, optional = [] } = AWS[name] ?? { required: ['an entry in this test'] }
  expect([...options.keys()]).toEqual(expect.arrayContaining([...required]))
  expect([...required, ...optional]).toEqual(expect.arrayContaining([...options.keys()]))
  expect([...options.values()]).not.toContain('')
})

test('every policy document in a command is one', () => {
  const policies = aws.flatMap(({ options }) =>
    [...options]
      .filter(([name]) => name.endsWith('policy-document'))
      .map(([, text]): unknown => JSON.parse(text)),
  )
  expect(policies.length).toBeGreaterThan(2)
  for (const policy of policies)
    expect(policy).toMatchObject({ Version: '2012-10-17', Statement: [{ Effect: 'Allow' }] })
})

test('the commands with an example make a role, a profile around it, and the association', () => {
  const valueIn = (name: string, option: string) => {
    const found = aws.find((one) => one.name === name && !one.options.get(option)?.startsWith('<'))
    return found?.options.get(option)
  }
  expect(valueIn('iam add-role-to-instance-profile', 'role-name')).toBe(
    valueIn('iam create-role', 'role-name'),
  )
  const profile = valueIn('iam create-instance-profile', 'instance-profile-name')
  expect(valueIn('iam add-role-to-instance-profile', 'instance-profile-name')).toBe(profile)
  expect(valueIn('ec2 run-instances', 'iam-instance-profile')).toBe(`Name=${String(profile)}`)
})
