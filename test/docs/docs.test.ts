import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { CHECKS } from '../../src/diagnosis/findings.js'
import { checkOptions } from '../../src/config/checked-options.js'
import { IPV4_ENDPOINT, resolveConfig } from '../../src/config/config.js'
import {
  type ErrorHint,
  fill,
  HINTS,
  InstanceRoleError,
  type InstanceRoleErrorCode,
  TREATMENTS,
} from '../../src/errors.js'
import { FAULT_WORDS } from '../../src/testing/faults.js'
import { setup, timed } from '../setup.js'
import { PAGES } from './snippets.js'

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
}

/** The first cell, without its backticks, of every row of a Markdown table. */
function firstCells(markdown: string): string[] {
  return [...markdown.matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell ?? '')
}

/** The members of each channel's payload, as the compiler sees them. */
function payloadsIn(file: string): (readonly [channel: string, members: ReadonlySet<string>])[] {
  const program = ts.createProgram([fileURLToPath(new URL(`../../${file}`, import.meta.url))], {
    strict: true,
  })
  const checker = program.getTypeChecker()
  const isEvents = (node: ts.Node) =>
    ts.isInterfaceDeclaration(node) && node.name.text === 'InstanceRoleEvents'
  const events = program.getSourceFiles().flatMap(({ statements }) => statements.filter(isEvents))
  return events
    .flatMap((node) => checker.getTypeAtLocation(node).getProperties())
    .map((channel) => {
      const members = checker.getTypeOfSymbol(channel).getProperties()
      const marked = members.map(({ name, flags }) => (flags & ts.SymbolFlags.Optional ? `${name}?` : name))
      return [channel.name, new Set(marked)] as const
    })
}

// Fails if a channel is added, renamed or dropped, and its documentation stays behind.
test('documents every channel with every member of its payload', () => {
  const rows = read('docs/observability.md').match(/^\| `instance-role:.*$/gm) ?? []
  const documented = rows.map((row) => {
    const [name = '', ...members] = [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '')
    return [name, new Set(members.filter((member) => member !== 'imdsV1Fallback'))] as const
  })
  const channels = payloadsIn('src/events/events.ts')
  expect(channels).toHaveLength(12)
  expect(new Map(documented)).toEqual(new Map(channels))
})

/** The table of options, and what is said of them. */
function optionsSection(): string {
  const [, after = ''] = read('docs/options.md').split('\n## Options\n')
  return after.split('\n## ')[0] ?? ''
}

// Fails if the page of options and the interface drift apart.
test('lists every option on its page, and no other', () => {
  const onPage = firstCells(optionsSection())
  const [, options = ''] = read('src/config/options.ts').split('export interface InstanceRoleOptions')
  const [own = ''] = options.split('\n}')
  const inSource = [...own.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name)
  expect(new Set(onPage)).toEqual(new Set(inSource))
})

// Fails if README shows other figures than the benchmark wrote.
test('quotes the figures of the benchmark in README', () => {
  const [, quoted = ''] = /<!-- measured -->\n([\s\S]+)\n<!-- \/measured -->/.exec(read('README.md')) ?? []
  expect(quoted.match(/^\| [^:|].* \|$/gm)).toHaveLength(6)
  expect(read('bench/RESULTS.md')).toContain(quoted)
})

// Prevents a page that a reader has to read in order to learn that it is not for them.
test('opens each page of docs with a sentence that says for whom it is and what it is for', () => {
  const pages = PAGES.filter((page) => /^docs\/[\w-]+\.md$/.test(page) && page !== 'docs/README.md')
  const odd = pages.filter((page) => !/^# .+\n\nFor [^:]+: after this page[^.]+\.\n/.test(read(page)))
  expect(pages.length).toBeGreaterThan(20)
  expect(odd).toEqual([])
})

// Fails if README grows back into what the pages are for.
test('has a README of at most 160 lines', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(160)
})

/** The default of each option on its page, its first word. */
function defaultsOnPage(): Map<string, string> {
  const rows = [...optionsSection().matchAll(/^\| `(\w+)`.*\| ([^|]+) \|$/gm)]
  return new Map(rows.map(([, name = '', text = '']) => [name, text.replaceAll('`', '').split(',')[0] ?? '']))
}

/** `@default` of each option that has one. */
function defaultsInSource(): Map<string, string> {
  const [, options = ''] = read('src/config/options.ts').split('export interface InstanceRoleOptions')
  const [own = ''] = options.split('\n}')
  const found = [...own.matchAll(/@default (.+)\n {3}\*\/\n {2}readonly (\w+)\?:/g)]
  return new Map(found.map(([, value = '', name = '']) => [name, value.replaceAll("'", '')]))
}

// Fails if a default is changed in one of three places.
test('has the same defaults on the page of options, in the documentation of the options, and in force', async () => {
  const inSource = defaultsInSource()
  const onPage = defaultsOnPage()
  const inForce = await resolveConfig(checkOptions({}), {
    env: {},
    loadProfile: () => Promise.resolve({ name: 'default', keys: {} }),
  })
  const others = {
    endpointMode: 'IPv4',
    waitForRole: '0',
    minTtl: '0',
    isolated: 'false',
    profile: 'default',
  }
  const expected = {
    endpoint: inForce.endpoint.value,
    timeout: String(inForce.timeoutMs.value),
    deadline: String(inForce.deadlineMs.value),
    retries: String(inForce.retries.value),
    imdsV1Fallback: String(inForce.imdsV1Fallback.value),
    accountId: String(inForce.accountId.value),
    ...others,
  }
  expect(Object.fromEntries(inSource)).toEqual(expected)
  expect(Object.fromEntries([...onPage].filter(([name]) => inSource.has(name)))).toEqual(expected)
  expect(inForce.endpoint.value).toBe(IPV4_ENDPOINT)
  expect(inForce.alternativeEndpoint.value).toBeUndefined()
})

// Fails if the page names a variable or a key that nothing reads.
test('documents exactly the variables and keys that are read', async () => {
  const rows = [...optionsSection().matchAll(/^\|[^|]+\| `(\w+)`[^|]*\| `(\w+)`[^|]*\|/gm)]
  const options = checkOptions({ imdsV1Fallback: true })
  const asked = new Set<string | symbol>()
  const spy = new Proxy({}, { get: (_nothing, name) => void asked.add(name) })
  await resolveConfig(options, { env: spy, loadProfile: () => Promise.resolve({ name: 'x', keys: spy }) })
  expect(new Set(rows.flatMap(([, variable = '', key = '']) => [variable, key]))).toEqual(asked)

  for (const [, variable = '', key = ''] of rows) {
    const inEnv = { env: { [variable]: '?' }, loadProfile: () => Promise.resolve({ name: 'x', keys: {} }) }
    await expect(resolveConfig(options, inEnv)).rejects.toThrow(`environment variable ${variable} is`)
    const inFile = { env: {}, loadProfile: () => Promise.resolve({ name: 'x', keys: { [key]: '?' } }) }
    await expect(resolveConfig(options, inFile)).rejects.toThrow(`config file key ${key} of`)
  }
})

// The same for the options that no setting shows: what is given as their default changes nothing.
test('behaves the same with the documented defaults as without options', async () => {
  const seen: unknown[] = []
  for (const provider of [{}, { waitForRole: 0, minTtl: 0, isolated: false, profile: 'default' }]) {
    const { create, clock, instance } = setup()
    const credentials = create(provider)
    instance.fail('role', { status: 404 })
    const { tookMs, error } = await timed(clock, credentials())
    await credentials()
    await create()()
    seen.push({ tookMs, error, requests: [...instance.requests] })
  }
  expect(seen[0]).toMatchObject({ error: { code: 'NO_ROLE' } })
  expect(seen[1]).toEqual(seen[0])
})

// Fails if an option of the official provider comes, and the guide leaves its users alone.
test('has a row for each option of the official provider in the migration guide', () => {
  const types = read(
    'node_modules/@smithy/credential-provider-imds/dist-types/remoteProvider/RemoteProviderInit.d.ts',
  )
  const options = [...types.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name)
  expect(options.length).toBeGreaterThan(4)
  const [, table = ''] = read('docs/migration.md').split('## From `fromInstanceMetadata`')
  const rows = [...table.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name)
  expect(rows).toEqual(expect.arrayContaining(options))
})

// Fails if somebody who comes from an official provider has to search for what an option is called here.
test('says for each option of the official providers what it is called here', () => {
  const [, afterV3 = ''] = read('docs/migration.md').split('## From `fromInstanceMetadata`')
  const [, afterV2 = ''] = read('docs/migration.md').split("## From SDK v2's `EC2MetadataCredentials`")
  const tables = [afterV3, afterV2].map(
    (after) => after.split('And all that it reads')[0]?.split('Its members')[0] ?? '',
  )
  const names = new Set(
    tables
      .flatMap((table) => table.match(/^\| `[^|]*/gm) ?? [])
      .flatMap((cell) => [...cell.matchAll(/`(\w+)/g)].map(([, name = '']) => name))
      .filter((name) => /^[a-z]/.test(name)),
  )
  const known = ['timeout', 'profile', 'logger', 'endpoint']
  expect([...names]).toEqual(
    expect.arrayContaining([...known, 'maxRetries', 'httpOptions', 'filename', 'host']),
  )
  for (const name of [...names].filter((one) => !known.includes(one)))
    expect(() => checkOptions({ [name]: 1 })).toThrow(
      new RegExp(`^The option ${name} is unknown: .*\\b(here|fallback)\\b`),
    )
  expect(() => checkOptions({ retrys: 1 } as object)).toThrow(
    /^The option retrys is unknown: the options are roleName, /,
  )
})

// Fails if a release is made without its changes, or that requests announce another version.
test('has one version in package.json, in the source and in the changelog', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  expect(read('src/runtime/version.ts')).toContain(`'${version}'`)
  expect(read('CHANGELOG.md')).toMatch(
    new RegExp(`^## \\[(Unreleased|${version.replaceAll('.', '\\.')})\\]`, 'm'),
  )
})

// Fails if a code has no page to lead to, or a page outlives its code.
test('explains every code under the heading of its link', () => {
  const sections = read('docs/errors.md').split('\n## ').slice(2)
  expect(sections.map((section) => section.split('\n')[0])).toEqual(
    expect.arrayContaining(Object.keys(TREATMENTS)),
  )
  expect(sections).toHaveLength(Object.keys(TREATMENTS).length)
  for (const section of sections) {
    const code = section.split('\n')[0] ?? ''
    expect(new InstanceRoleError(code as InstanceRoleErrorCode, '').link).toMatch(
      new RegExp(`docs/errors\\.md#${code.toLowerCase()}$`),
    )
    expect(section).toMatch(/\*\*Confirm it\*\*[^]*\*\*Fix it\*\*/)
  }
})

// Prevents a dead link within the page.
test('leads from each message of the official provider to an existing code', () => {
  const links = [...read('docs/errors.md').matchAll(/\[`(\w+)`\]\(#(\w+)\)/g)]
  expect(links.length).toBeGreaterThan(10)
  for (const [, code = '', anchor] of links) {
    expect(Object.keys(TREATMENTS)).toContain(code)
    expect(anchor).toBe(code.toLowerCase())
  }
})

/** Where each of the hints that know more than the code belongs. */
const CODES_OF_HINTS: Readonly<Record<keyof typeof HINTS, InstanceRoleErrorCode>> = {
  emptyProfile: 'NO_ROLE',
  noRoute: 'UNREACHABLE',
  ipv4: 'UNREACHABLE',
  ipv6: 'UNREACHABLE',
  tags: 'METADATA_ABSENT',
  openFiles: 'UNREACHABLE',
  unreadFiles: 'BAD_CONFIG',
  noHome: 'BAD_CONFIG',
  brokenInstall: 'BAD_CONFIG',
  notCalled: 'BAD_CONFIG',
  dispatcher: 'BAD_CONFIG',
}

/** The variable that the command on the page of a code takes back. */
const VARIABLES: Readonly<Partial<Record<InstanceRoleErrorCode, string>>> = {
  IMDS_DISABLED_BY_ENV: 'AWS_EC2_METADATA_DISABLED',
  ROLE_NOT_FOUND: 'AWS_EC2_INSTANCE_PROFILE_NAME',
  BAD_CONFIG: 'AWS_METADATA_SERVICE_TIMEOUT',
}

const ALL_HINTS: readonly (readonly [string, ErrorHint])[] = [
  ...Object.entries(TREATMENTS),
  ...Object.entries(HINTS).map(([name, hint]) => [CODES_OF_HINTS[name as keyof typeof HINTS], hint] as const),
]

/** In one line, without the marks of Markdown, in lower case. */
function plain(markdown: string): string {
  return markdown.replaceAll('`', '').replace(/\s+/g, ' ').toLowerCase()
}

// Fails if a message and the page that it leads to say different things.
test.each(ALL_HINTS)(
  'says on the page of %s what its message says, with the commands: $text',
  (code, hint) => {
    const section = read('docs/errors.md').split(`\n## ${code}\n`)[1]?.split('\n## ')[0] ?? ''
    const names = { endpoint: IPV4_ENDPOINT, variable: VARIABLES[code as InstanceRoleErrorCode] }
    const { text, look = '', command = '' } = hint
    // The page has both addresses; the doctor has a hint for each.
    const isOther = hint === HINTS.ipv4
    for (const said of [text, look, isOther ? '' : command])
      expect(plain(section)).toContain(plain(fill(said, names)))
  },
)

// Fails if a fault is added and nobody finds it, or is promised and not there.
test('lists every fault that is a word', () => {
  const listed = firstCells(read('docs/testing.md')).filter((cell) => /^'[\w-]+'$/.test(cell))
  expect(listed.map((cell) => cell.slice(1, -1))).toEqual([...FAULT_WORDS])
})

// Fails if a fault is added, and its documentation comment does not say what it does, or no test tries it.
test.each(FAULT_WORDS)('explains the fault %s in the comment of `Fault`, and tries it', (word) => {
  const [comment] = read('src/testing/faults.ts').split('export type Fault =')
  expect(comment).toContain(` * - \`'${word}'\`: `)
  expect(read('test/testing/faults.test.ts')).toContain(`'${word}'`)
})

// Fails if README's table of errors, the documentation of the codes and the policy drift apart.
test('lists every code in README as the source describes it', () => {
  const [, after = ''] = read('README.md').split('## Errors')
  const rows = [...after.matchAll(/^\| `([A-Z0-9_]+)` \| (.*) \| (yes|no) \|$/gm)]
  const inReadme = rows.map(([, code = '', what, goesOn]) => [code, { what, goesOn }] as const)
  const [, union = ''] = read('src/errors.ts').split('export type InstanceRoleErrorCode =')
  const members = [...union.matchAll(/\/\*\* (.+) \*\/\n {2}\| '([A-Z0-9_]+)'/g)]
  const inSource = members.map(([, what, code = '']) => {
    const goesOn = TREATMENTS[code as InstanceRoleErrorCode].tryNextLink ? 'yes' : 'no'
    return [code, { what, goesOn }] as const
  })
  expect(inReadme.map(([code]) => code).sort()).toEqual(Object.keys(TREATMENTS).sort())
  expect(Object.fromEntries(inReadme)).toEqual(Object.fromEntries(inSource))
})

// Fails if machines are promised other checks than there are.
test('documents every check of the doctor, in its order', () => {
  const [, after = ''] = read('docs/doctor.md').split('## Checks')
  const [table = ''] = after.split('\n## ')
  expect(firstCells(table)).toEqual([...CHECKS])
  const schema = read('docs/doctor.schema.json')
  const [, listed = ''] = /"check": \{\s*"enum": \[([^\]]*)\]/.exec(schema) ?? []
  expect([...listed.matchAll(/"([^"]+)"/g)].map(([, check]) => check)).toEqual([...CHECKS])
})

// Fails if the table goes on quoting what the official provider no longer says.
test('quotes messages that the official provider has', () => {
  const code = ['@smithy/credential-provider-imds', '@aws-sdk/credential-provider-node']
    .map((name) => read(`node_modules/${name}/dist-cjs/index.js`))
    .join('\n')
  for (const message of [
    'Could not load credentials from any providers',
    'TimeoutError from instance metadata service',
    'Error response received from instance metadata service',
    'Unable to connect to instance metadata service',
    'Invalid response received from instance metadata service.',
    'AWS EC2 Metadata v1 fallback has been blocked',
    'EC2 Instance Metadata Service access disabled',
  ]) {
    expect(code).toContain(message)
    expect(read('docs/errors.md')).toContain(message)
  }
})
