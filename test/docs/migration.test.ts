// Fails if a user of another provider finds a setting of theirs nowhere in the guide, or is told what is not so.
import { fromNodeProviderChain } from '@aws-sdk/credential-providers'
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import { emulateInstance } from '../../src/testing/index.js'
import { readPage } from './snippets.js'

const ROOT = resolve(import.meta.dirname, '../..')
const OFFICIAL = resolve(ROOT, 'node_modules/@smithy/credential-provider-imds/dist-es')

const guide = readPage('docs/migration.md')
const [, fromV3 = '', fromV2 = ''] = guide.split('\n## ')

/** Every option, member and setting of its class in the types and the documentation of `aws-sdk` 2.1693.0, which gets no new ones. */
const SDK_V2 = [
  ...['httpOptions.timeout', 'httpOptions.connectTimeout', 'maxRetries', 'retryDelayOptions', 'logger'],
  ...['ec2MetadataV1Disabled', 'profile', 'filename', 'host', 'endpoint', 'disableFetchToken'],
  ...['accessKeyId', 'secretAccessKey', 'sessionToken', 'expired', 'expireTime', 'expiryWindow'],
  ...['get', 'getPromise', 'refresh', 'refreshPromise', 'needsRefresh', 'originalExpiration'],
  ...['request', 'fetchMetadataToken'],
  ...['AWS_EC2_METADATA_DISABLED', 'AWS_EC2_METADATA_V1_DISABLED', 'ec2_metadata_v1_disabled'],
  ...['AWS_EC2_METADATA_SERVICE_ENDPOINT', 'ec2_metadata_service_endpoint', 'AWS_SDK_LOAD_CONFIG'],
  ...['AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE', 'ec2_metadata_service_endpoint_mode', 'AWSJS_DEBUG'],
  ...['AWS_PROFILE', 'AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'],
]

afterEach(() => void vi.unstubAllEnvs())

/** Every word of code in the first column of the tables. */
function namesOfRows(section: string): Set<string> {
  const cells = [...section.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell)
  const codes = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code))
  return new Set(codes.map((code) => code.replace(/[(:].*/, '')))
}

test('has a row for every variable and key that the official provider reads', () => {
  const files = readdirSync(OFFICIAL, { recursive: true, encoding: 'utf8' })
  const source = files
    .filter((file) => file.endsWith('.js') && !file.includes('fromContainerMetadata'))
    .map((file) => readFileSync(resolve(OFFICIAL, file), 'utf8'))
    .join()
  const read = new Set([...source.matchAll(/"(AWS_\w+|ec2_\w+)"/g)].map(([, name = '']) => name))
  expect(read.size).toBe(6)
  expect([...namesOfRows(fromV3)]).toEqual(expect.arrayContaining([...read, 'AWS_EC2_METADATA_DISABLED']))
})

test('has a row for everything that SDK v2 accepts', () => {
  expect([...namesOfRows(fromV2)]).toEqual(expect.arrayContaining(SDK_V2))
})

test('names every option of this library', () => {
  const [, options = ''] = readFileSync(resolve(ROOT, 'src/config/options.ts'), 'utf8').split(
    'export interface InstanceRoleOptions',
  )
  const [own = ''] = options.split('\n}')
  const names = [...own.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name = '']) => name)
  expect(names.filter((name) => !fromV3.includes(`\`${name}`))).toEqual([])
})

interface BooleanRow {
  readonly value: string
  readonly chainUsesImds: boolean
  readonly here: string
}

const BOOLEANS: readonly BooleanRow[] = [...guide.matchAll(/^\| (.+) \| (.+) \| .+ \| (.+) \|$/gm)]
  .filter(([row]) => /IMDS/.test(row) && !row.includes('default chain'))
  .flatMap(([, first = '', chain = '', here = '']) => {
    const values = [...first.matchAll(/`([^`]+)`/g)].map(([, value = '']) => value)
    const outcome = { chainUsesImds: !chain.includes('no IMDS'), here }
    return (values.length === 0 ? [''] : values).map((value) => ({ value, ...outcome }))
  })

/** What is thrown, in the words of the table. */
function outcomeHere(cell: string): string {
  if (cell.includes('BAD_CONFIG')) return 'BAD_CONFIG'
  return cell.includes('no IMDS') ? 'IMDS_DISABLED_BY_ENV' : 'none'
}

async function setup(variable: string, value: string) {
  const instance = emulateInstance({ httpTokens: 'optional' })
  onTestFinished(() => instance.close())
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', (await instance.listen()).endpoint)
  for (const name of ['AWS_PROFILE', 'AWS_ACCESS_KEY_ID']) vi.stubEnv(name, undefined)
  vi.stubEnv(variable, value)
  return instance
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'none',
    (error: unknown) => (error as { code?: unknown }).code,
  )

test('has all values of a boolean in its table', () => {
  expect(BOOLEANS.map(({ value }) => value)).toEqual(
    expect.arrayContaining(['', 'true', 'True', 'false', 'False', '1', '0', 'yes', 'no']),
  )
})

test.each(BOOLEANS)('AWS_EC2_METADATA_DISABLED=$value', async ({ value, chainUsesImds, here }) => {
  await setup('AWS_EC2_METADATA_DISABLED', value)
  expect(await codeOf(fromInstanceRole({ isolated: true })())).toBe(outcomeHere(here))
  const chain = fromNodeProviderChain()()
  await (chainUsesImds ? chain : expect(chain).rejects.toThrow())
})

test.each(BOOLEANS)('AWS_EC2_METADATA_V1_DISABLED=$value', async ({ value, chainUsesImds, here }) => {
  const instance = await setup('AWS_EC2_METADATA_V1_DISABLED', value)
  instance.failUntilLifted('token', { status: 404 })
  const forbidden = { BAD_CONFIG: 'BAD_CONFIG', none: 'none' }[outcomeHere(here)] ?? 'UNEXPECTED_STATUS'
  expect(await codeOf(fromInstanceRole({ isolated: true, imdsV1Fallback: true })())).toBe(forbidden)
  expect(await codeOf(fromInstanceRole({ isolated: true })())).toBe('UNEXPECTED_STATUS')
  const chain = fromNodeProviderChain()()
  await (chainUsesImds ? chain : expect(chain).rejects.toThrow())
})
