import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runInNewContext } from 'node:vm'
import { Agent } from 'undici'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { checkOptions } from '../../src/config/checked-options.js'
import { type InstanceRoleConfig, resolveConfig } from '../../src/config/config.js'
import { CONFIG_KEYS } from '../../src/config/variables-and-keys.js'
import { InstanceRoleError } from '../../src/errors.js'
import { fromInstanceRole } from '../../src/index.js'
import type { InstanceRoleOptions } from '../../src/config/options.js'
import { emulateInstance, type EmulatedInstance } from '../../src/testing/index.js'
import { exposed } from '../setup.js'

type Text = Readonly<Record<string, string>>

/** The settings that options, environment and file give, and how often the file was read. */
async function resolve({ options = {}, env = {}, file = {} }: { options?: object; env?: Text; file?: Text }) {
  let reads = 0
  const loadProfile = () => {
    reads += 1
    return Promise.resolve({ name: 'dev', keys: file })
  }
  const config = await resolveConfig(checkOptions(options), { env, loadProfile }, true)
  return { config, reads }
}

const V1_ASKED = { imdsV1Fallback: true }

interface NamedSetting {
  readonly setting: keyof InstanceRoleConfig
  readonly name?: keyof InstanceRoleOptions
  readonly option?: unknown
  readonly variable?: string
  readonly key?: string
  readonly text?: string
  /** In the environment, in the file, by default. */
  readonly values: readonly [fromEnv: unknown, byDefault: unknown]
  readonly malformed: readonly string[]
}

const NAMED_SETTINGS: readonly NamedSetting[] = [
  {
    setting: 'disabled',
    variable: 'AWS_EC2_METADATA_DISABLED',
    key: 'disable_ec2_metadata',
    text: 'tRuE',
    values: [true, false],
    malformed: ['yes', '1', ' ', 'true false'],
  },
  {
    setting: 'endpoint',
    name: 'endpoint',
    option: 'http://127.0.0.1:1/option/',
    variable: 'AWS_EC2_METADATA_SERVICE_ENDPOINT',
    key: 'ec2_metadata_service_endpoint',
    text: ' HTTP://LocalHost:80/a/b// ',
    values: ['http://localhost/a/b', 'http://169.254.169.254'],
    malformed: [
      'not a uri',
      '169.254.169.254',
      'fd00:ec2::254',
      'ftp://host',
      'http://',
      'http://me:pass@host',
      'http://:pass@host',
    ],
  },
  {
    setting: 'timeoutMs',
    name: 'timeout',
    option: 250.5,
    variable: 'AWS_METADATA_SERVICE_TIMEOUT',
    key: 'metadata_service_timeout',
    text: ' 1.9 ',
    values: [1_900, 1_000],
    malformed: ['0', '0.0001', '-1', '1e3', '0x10', '1s', 'NaN', 'Infinity', '2147484', '.', '1.'],
  },
  {
    setting: 'retries',
    name: 'retries',
    option: 0,
    variable: 'AWS_METADATA_SERVICE_NUM_ATTEMPTS',
    key: 'metadata_service_num_attempts',
    text: '5',
    values: [4, 3],
    malformed: ['0', '-1', '1.5', 'many', '1e2', '10000000000'],
  },
  {
    setting: 'roleName',
    name: 'roleName',
    option: 'option-role',
    variable: 'AWS_EC2_INSTANCE_PROFILE_NAME',
    key: 'ec2_instance_profile_name',
    text: ' env+role=1,2.@-_ ',
    values: ['env+role=1,2.@-_', undefined],
    malformed: [' ', 'a/b', 'a b', '..', 'a?b', 'rôle', 'x'.repeat(129)],
  },
]

test.each(NAMED_SETTINGS)(
  'resolves $setting from the default, the file, the environment or the option, the later ones first',
  async (knob) => {
    const { setting, name, option, variable = '', key = '', text = '', values } = knob
    const [parsed, byDefault] = values
    const file = { [key]: text }
    const env = { [variable]: text }
    const options = name === undefined ? {} : { [name]: option }
    const garbage = { file: { [key]: '?' }, env: { [variable]: '?' } }
    const found = async (given: Parameters<typeof resolve>[0]) => (await resolve(given)).config[setting]

    expect(await found({})).toEqual({ value: byDefault, origin: 'default' })
    expect(await found({ file })).toEqual({ value: parsed, origin: `config file key ${key} of profile dev` })
    expect(await found({ file: garbage.file, env })).toEqual({
      value: parsed,
      origin: `environment variable ${variable}`,
    })
    if (name === undefined) return
    expect(await found({ ...garbage, options })).toMatchObject({ origin: `option ${name}` })
    expect(await found({ options })).not.toMatchObject({ value: parsed })
  },
)

test.each(
  NAMED_SETTINGS.flatMap(({ variable = '', malformed }) => malformed.map((text) => ({ variable, text }))),
)(
  'refuses $variable="$text" with an error that names both and shows no password',
  async ({ variable, text }) => {
    const error = await failureOf(resolve({ env: { [variable]: text } }))
    expect(error).toMatchObject({ code: 'BAD_CONFIG', attempts: 0, tryNextLink: false })
    expect(error.message).toMatch(
      new RegExp(`^The environment variable ${variable} is (".*", )?not .*: unset ${variable} https:`),
    )
    expect(exposed(error)).not.toContain('password')
  },
)

test.each(NAMED_SETTINGS.flatMap(({ key = '', malformed }) => malformed.map((text) => ({ key, text }))))(
  'refuses $key = "$text" in the file with an error that names the key and the profile',
  async ({ key, text }) => {
    const error = await failureOf(resolve({ file: { [key]: text } }))
    expect(error.code).toBe('BAD_CONFIG')
    expect(error.message).toMatch(new RegExp(`^The config file key ${key} of profile dev is (".*", )?not `))
  },
)

test.each(NAMED_SETTINGS)(
  'counts an empty $variable or key as unset',
  async ({ setting, variable = '', key = '', values }) => {
    const { config } = await resolve({ env: { [variable]: '' }, file: { [key]: '' } })
    expect(config[setting]).toEqual({ value: values[1], origin: 'default' })
  },
)

async function failureOf(work: Promise<unknown>): Promise<InstanceRoleError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof InstanceRoleError)) throw new Error('not an InstanceRoleError', { cause: error })
  return error
}

const IPV4 = 'http://169.254.169.254'
const IPV6 = 'http://[fd00:ec2::254]'
const ENDPOINT = 'AWS_EC2_METADATA_SERVICE_ENDPOINT'
const MODE = 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE'

/** As in the test vectors of smithy-rs; one differs, where an error names the setting instead of quoting it. */
test.each<{ what: string; given: Parameters<typeof resolve>[0]; gives: string }>([
  { what: 'nothing', given: {}, gives: IPV4 },
  {
    what: 'an endpoint variable',
    given: { env: { [ENDPOINT]: 'http://override:456' } },
    gives: 'http://override:456',
  },
  {
    what: 'an endpoint key',
    given: { file: { ec2_metadata_service_endpoint: 'http://file:1' } },
    gives: 'http://file:1',
  },
  {
    what: 'a variable and a key',
    given: { env: { [ENDPOINT]: 'http://env:1' }, file: { ec2_metadata_service_endpoint: 'http://file:1' } },
    gives: 'http://env:1',
  },
  { what: 'mode IPv4', given: { env: { [MODE]: 'IPv4' } }, gives: IPV4 },
  { what: 'mode IPv6', given: { env: { [MODE]: 'IPv6' } }, gives: IPV6 },
  { what: 'mode ipV6', given: { env: { [MODE]: 'ipV6' } }, gives: IPV6 },
  { what: 'a mode key', given: { file: { ec2_metadata_service_endpoint_mode: 'IPv6' } }, gives: IPV6 },
  {
    what: 'an endpoint option and a mode key',
    given: { options: { endpoint: 'https://custom' }, file: { ec2_metadata_service_endpoint_mode: 'IPv6' } },
    gives: 'https://custom',
  },
  {
    what: 'a mode option and a mode key',
    given: { options: { endpointMode: 'IPv4' }, file: { ec2_metadata_service_endpoint_mode: 'IPv6' } },
    gives: IPV4,
  },
  {
    what: 'a mode option and an endpoint variable',
    given: { options: { endpointMode: 'IPv6' }, env: { [ENDPOINT]: 'http://env:1' } },
    gives: 'http://env:1',
  },
  {
    what: 'a mode variable and an endpoint key',
    given: { env: { [MODE]: 'IPv6' }, file: { ec2_metadata_service_endpoint: 'http://file:1' } },
    gives: 'http://file:1',
  },
  { what: 'an IPv6 address', given: { options: { endpoint: `${IPV6}:80/` } }, gives: IPV6 },
])('finds the endpoint with $what', async ({ given, gives }) => {
  expect((await resolve(given)).config.endpoint.value).toBe(gives)
})

test.each<{ what: string; given: Parameters<typeof resolve>[0]; names: string }>([
  { what: 'mode variable error', given: { env: { [MODE]: 'error' } }, names: `environment variable ${MODE}` },
  {
    what: 'mode key IPv7',
    given: { file: { ec2_metadata_service_endpoint_mode: 'IPv7' } },
    names: 'config file key ec2_metadata_service_endpoint_mode of profile dev',
  },
  {
    what: 'endpoint not a uri',
    given: { env: { [ENDPOINT]: 'not a uri' } },
    names: `environment variable ${ENDPOINT}`,
  },
])('refuses $what', async ({ given, names }) => {
  const error = await failureOf(resolve(given))
  expect(error.code).toBe('BAD_CONFIG')
  expect(error.message).toContain(names)
})

test.each([
  { timeout: 1_000, deadlineMs: 10_000 },
  { timeout: 2_500, deadlineMs: 10_000 },
  { timeout: 6_000, deadlineMs: 24_000 },
  { timeout: 2 ** 31 - 1, deadlineMs: 2 ** 31 - 1 },
])('sets the deadline to $deadlineMs ms for a timeout of $timeout ms', async ({ timeout, deadlineMs }) => {
  const { config } = await resolve({ options: { timeout } })
  expect(config.deadlineMs).toEqual({ value: deadlineMs, origin: 'default' })
})

test('uses the given deadline, even one shorter than a timeout', async () => {
  const { config } = await resolve({ options: { deadline: 5 } })
  expect(config.deadlineMs).toEqual({ value: 5, origin: 'option deadline' })
})

const V1 = 'AWS_EC2_METADATA_V1_DISABLED'

test.each<{ given: Parameters<typeof resolve>[0]; value: boolean; origin: string }>([
  { given: {}, value: false, origin: 'default' },
  { given: { env: { [V1]: 'false' } }, value: false, origin: 'default' },
  { given: { options: V1_ASKED }, value: true, origin: 'option imdsV1Fallback' },
  { given: { options: V1_ASKED, env: { [V1]: 'FALSE' } }, value: true, origin: 'option imdsV1Fallback' },
  { given: { options: V1_ASKED, env: { [V1]: 'True' } }, value: false, origin: `environment variable ${V1}` },
  {
    given: { options: V1_ASKED, file: { ec2_metadata_v1_disabled: 'true' } },
    value: false,
    origin: 'config file key ec2_metadata_v1_disabled of profile dev',
  },
])(
  'lets only the option enable IMDSv1, and everything forbid it: $given',
  async ({ given, value, origin }) => {
    expect((await resolve(given)).config.imdsV1Fallback).toEqual({ value, origin })
  },
)

test.each([
  ['AWS_METADATA_SERVICE_TIMEOUT', 'timeoutMs', '1.0009', 1_001],
  ['AWS_EC2_INSTANCE_PROFILE_NAME', 'roleName', 'x'.repeat(128), 'x'.repeat(128)],
] as const)('accepts %s up to its limits', async (variable, setting, text, value) => {
  expect((await resolve({ env: { [variable]: text } })).config[setting].value).toBe(value)
})

test('reads the file once, however many settings are undecided', async () => {
  expect((await resolve({})).reads).toBe(1)
})

test('does not read the file if options and environment decide everything', async () => {
  const options = { timeout: 1, retries: 1, roleName: 'r', endpoint: 'http://h' }
  const env = { AWS_EC2_METADATA_DISABLED: 'false' }
  expect((await resolve({ options, env })).reads).toBe(0)
})

const TEXT_OPTIONS = ['roleName', 'endpoint', 'endpointMode', 'profile'] as const
const NUMBER_OPTIONS = ['timeout', 'deadline', 'retries'] as const
const OTHERS: readonly (readonly [string, readonly unknown[]])[] = [
  ['imdsV1Fallback', [null, 'true', 0, 1, {}]],
  ['isolated', [null, 'true', 0, 1, {}]],
  ['logger', [null, true, 'console', {}, () => {}, { debug() {}, info() {}, warn() {} }]],
  ['dispatcher', [null, true, 'http://proxy', {}, { dispatch: true }]],
  ['roleName', ['..', 'a/b', 'arn:aws:iam::123456789012:role/x']],
  ['endpointMode', ['IPv5', 'dualstack']],
  ['endpoint', ['http://a?b', 'http://a#b', 'http://user@a', 'file:///x', new URL('http://a')]],
  ['retries', [0.5]],
  ['timeout', [0, 2 ** 31]],
  ['deadline', [0, 2 ** 31]],
  ['region', ['eu-central-1']],
  ['maxRetries', [3]],
  ['constructor', [1]],
]
const REFUSED = [
  ...TEXT_OPTIONS.map((name) => [name, [null, '', ' ', 7, true, {}, [], Symbol('s')]] as const),
  ...NUMBER_OPTIONS.map((name) => [name, [null, '1', true, NaN, Infinity, -Infinity, -1, {}, 1n]] as const),
  ...OTHERS,
].flatMap(([name, values]) => values.map((value): { name: string; value: unknown } => ({ name, value })))

test.each(REFUSED)('refuses option $name of $value at once', ({ name, value }) => {
  const create = Reflect.apply.bind(undefined, fromInstanceRole, undefined, [{ [name]: value }])
  expect(create).toThrow(InstanceRoleError)
  expect(create).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }))
  expect(create).toThrow(
    new RegExp(`^The option ${name} is (unknown: .*|(\\S+, )?not .*|the function .*)\\. .* https:`),
  )
})

const INHERITED: unknown = Object.create({ roleName: 'x' })
const NO_OPTIONS = [
  ...[null, 'http://127.0.0.1', 7, true, [], () => {}, new Map([['roleName', 'x']]), new Date(), /x/],
  ...[Promise.resolve({ roleName: 'x' }), new URL('http://127.0.0.1'), INHERITED],
]

test.each(NO_OPTIONS)('refuses %o as options', (options) => {
  const create = Reflect.apply.bind(undefined, fromInstanceRole, undefined, [options])
  expect(create).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }))
})

class Settings {
  roleName = 'app-role'
}

test.each([
  new Settings(),
  Object.assign(Object.create(null), new Settings()),
  runInNewContext("({ roleName: 'app-role' })"),
])('accepts any object with options: %o', (options: Settings) => {
  expect(checkOptions(options)).toEqual({ roleName: 'app-role' })
})

test('treats an undefined option as absent', () => {
  const names = [...TEXT_OPTIONS, ...NUMBER_OPTIONS, 'imdsV1Fallback', 'isolated', 'logger', 'dispatcher']
  expect(checkOptions(Object.fromEntries(names.map((name) => [name, undefined])))).toEqual({})
})

/** Every option: the setting that it becomes, with a value, or `undefined` if it concerns one provider only. */
const EVERY_OPTION: Readonly<
  Record<keyof InstanceRoleOptions, readonly [keyof InstanceRoleConfig, unknown] | undefined>
> = {
  roleName: ['roleName', 'app-role'],
  endpoint: ['endpoint', 'http://127.0.0.1:1'],
  endpointMode: ['endpoint', 'IPv6'],
  timeout: ['timeoutMs', 7],
  deadline: ['deadlineMs', 7],
  retries: ['retries', 7],
  imdsV1Fallback: ['imdsV1Fallback', true],
  accountId: ['accountId', true],
  profile: undefined,
  logger: undefined,
  waitForRole: undefined,
  minTtl: undefined,
  isolated: undefined,
  dispatcher: undefined,
}

const SETTING_OPTIONS = Object.entries(EVERY_OPTION).flatMap(([name, setting]) =>
  setting === undefined ? [] : [{ name, setting: setting[0], value: setting[1] }],
)

// Fails if an option is accepted and has no effect.
test.each(SETTING_OPTIONS)(
  'resolves the option $name as the setting $setting',
  async ({ name, setting, value }) => {
    const sources = { env: {}, loadProfile: () => Promise.resolve({ name: 'default', keys: {} }) }
    const config = await resolveConfig(checkOptions({ [name]: value }), sources)
    expect(config[setting].origin).toBe(`option ${name}`)
  },
)

test('accepts any undici dispatcher and any logger with the SDK’s methods', () => {
  expect(() => fromInstanceRole({ dispatcher: new Agent(), logger: console })).not.toThrow()
})

test('accepts mocks that are proxies and only answer reads', () => {
  const answersReads = { get: () => () => {}, has: () => false }
  const logger = new Proxy(console, answersReads)
  const dispatcher = new Proxy(new Agent(), answersReads)
  expect(() => fromInstanceRole({ logger, dispatcher })).not.toThrow()
})

// The following tests use the SDK's loader and a real file.

const world = { instance: emulateInstance(), folder: '', endpoint: '' }

beforeEach(async () => {
  world.instance = emulateInstance()
  world.endpoint = (await world.instance.listen()).endpoint
  world.folder = await mkdtemp(path.join(tmpdir(), 'instance-role-'))
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await world.instance.close()
  await rm(world.folder, { recursive: true })
})

/** The SDK's loader caches each path, so each test has its own files. */
async function writeConfig(config: string, credentials = ''): Promise<EmulatedInstance> {
  for (const [variable, text] of [
    ['AWS_CONFIG_FILE', config],
    ['AWS_SHARED_CREDENTIALS_FILE', credentials],
  ] as const) {
    const file = path.join(world.folder, variable)
    await writeFile(file, text)
    vi.stubEnv(variable, file)
  }
  return world.instance
}

function endpointKey(): string {
  return `ec2_metadata_service_endpoint = ${world.endpoint}`
}

test('reads the default profile of the config file', async () => {
  const instance = await writeConfig(`[default]\n${endpointKey()}\n`)
  await using provider = fromInstanceRole({ isolated: true })
  expect((await provider()).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test.each(['AWS_PROFILE', 'option', 'client'] as const)('reads the profile that the %s names', async (by) => {
  const instance = await writeConfig(
    `[default]\nec2_metadata_service_endpoint = bad\n[profile dev]\n${endpointKey()}\n`,
  )
  vi.stubEnv('AWS_PROFILE', by === 'AWS_PROFILE' ? 'dev' : 'default')
  await using provider = fromInstanceRole({ isolated: true, ...(by === 'option' && { profile: 'dev' }) })
  const properties = by === 'client' ? { callerClientConfig: callerOf('dev') } : {}
  expect((await provider(properties)).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test("prefers the option profile to the client's", async () => {
  const instance = await writeConfig(
    `[profile dev]\n${endpointKey()}\n[profile x]\nec2_metadata_service_endpoint = bad\n`,
  )
  await using provider = fromInstanceRole({ isolated: true, profile: ' dev ' })
  const { accessKeyId } = await provider({ callerClientConfig: callerOf('x') })
  expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
})

function callerOf(profile: string) {
  return { profile, region: () => Promise.resolve('eu-central-1') }
}

test('prefers the config file to the credentials file, key by key', async () => {
  const instance = await writeConfig(
    `[profile dev]\n${endpointKey()}\n`,
    '[dev]\nec2_metadata_service_endpoint = bad\nec2_instance_profile_name = app-role\n',
  )
  await using provider = fromInstanceRole({ isolated: true, profile: 'dev' })
  await provider()
  expect(instance.requests).toHaveLength(2)
})

test('names the profile that has a malformed key', async () => {
  await writeConfig('[profile dev]\nmetadata_service_timeout = soon\n')
  await using provider = fromInstanceRole({ isolated: true, profile: 'dev', endpoint: world.endpoint })
  await expect(provider()).rejects.toThrow(
    'The config file key metadata_service_timeout of profile dev is "soon", not a positive number of seconds.',
  )
})

const MALFORMED = CONFIG_KEYS.map((key) => ({ key, text: `[default]\n${key} = ?\n` }))

test.each(MALFORMED)('finds $key in a real file', async ({ key, text }) => {
  await writeConfig(text)
  await using provider = fromInstanceRole({ isolated: true, imdsV1Fallback: true })
  await expect(provider()).rejects.toThrow(`The config file key ${key} of profile default is not `)
})

test('ignores a config file without keys of IMDS', async () => {
  await writeConfig('[profile dev]\nregion = eu-central-1\n', '[dev\nnot an INI file: endpoint\n')
  await using provider = fromInstanceRole({ isolated: true, profile: 'dev', endpoint: world.endpoint })
  expect((await provider()).accessKeyId).toBe(world.instance.credentials?.accessKeyId)
})

/** The default paths of the AWS SDKs, in a separate home directory. */
async function writeInHome(name: string, text: string): Promise<void> {
  await mkdir(path.join(world.folder, path.dirname(name)), { recursive: true })
  await writeFile(path.join(world.folder, name), text)
  vi.stubEnv('HOME', world.folder)
  vi.stubEnv('AWS_CONFIG_FILE', '')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '')
}

test.each(['.aws/config', '.aws/credentials'])('reads ~/%s if no other file is named', async (name) => {
  await writeInHome(name, `[default]\n${endpointKey()}\n`)
  await using provider = fromInstanceRole({ isolated: true })
  expect((await provider()).accessKeyId).toBe(world.instance.credentials?.accessKeyId)
})

test('reads the config file that a variable names with ~', async () => {
  await writeInHome('settings/aws', `[default]\n${endpointKey()}\n`)
  vi.stubEnv('AWS_CONFIG_FILE', '~/settings/aws')
  await using provider = fromInstanceRole({ isolated: true })
  expect((await provider()).accessKeyId).toBe(world.instance.credentials?.accessKeyId)
})

test('works without a config file', async () => {
  vi.stubEnv('AWS_CONFIG_FILE', path.join(world.folder, 'none'))
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', world.folder)
  await using provider = fromInstanceRole({ isolated: true, endpoint: world.endpoint })
  expect((await provider()).accessKeyId).toBe(world.instance.credentials?.accessKeyId)
})

test('checks no other setting, and not the file, if IMDS is disabled', async () => {
  const read = vi.fn(() => Promise.reject(new Error('read')))
  const env = { AWS_EC2_METADATA_DISABLED: 'true', AWS_METADATA_SERVICE_TIMEOUT: 'soon' }
  const error = await failureOf(resolveConfig({}, { env, loadProfile: read }))
  expect(error.code).toBe('IMDS_DISABLED_BY_ENV')
  expect(read).not.toHaveBeenCalled()
})

test('reads the environment at the first call, not when the provider is made', async () => {
  vi.stubEnv(ENDPOINT, 'bad')
  await using provider = fromInstanceRole({ isolated: true })
  await expect(provider()).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  vi.stubEnv(ENDPOINT, world.endpoint)
  expect((await provider()).accessKeyId).toBe(world.instance.credentials?.accessKeyId)
})

test.each(['true', 'TRUE', ' True '])('sends no request if AWS_EC2_METADATA_DISABLED is %o', async (text) => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', text)
  await using provider = fromInstanceRole({ isolated: true, endpoint: world.endpoint })
  const error = await failureOf(provider())
  expect(error).toMatchObject({ code: 'IMDS_DISABLED_BY_ENV', attempts: 0, tryNextLink: true })
  expect(error.message).toMatch(
    /^The use of IMDS is disabled by the environment variable AWS_EC2_METADATA_DISABLED\. Remove that setting /,
  )
  expect(error.fix).toBe('unset AWS_EC2_METADATA_DISABLED')
  expect(world.instance.requests).toEqual([])
})
