// What a person sees of each error. Read the files in shown/ as that person does.
import { Writable } from 'node:stream'
import { format } from 'node:util'
import { createCredentialChain, fromEnv } from '@aws-sdk/credential-providers'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createLogger, format as winston, type Logform, transports } from 'winston'
import { InstanceRoleError, TREATMENTS } from '../../src/errors.js'
import { TROUBLES } from './troubles.js'

async function failureOf(call: () => Promise<unknown>): Promise<InstanceRoleError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof InstanceRoleError) return error
    throw error
  }
  throw new Error('it did not fail')
}

function collect(): { readonly stream: Writable; readonly lines: string[] } {
  const lines: string[] = []
  const write = (chunk: unknown, _encoding: string, done: () => void): void => {
    lines.push(String(chunk).trim())
    done()
  }
  return { stream: new Writable({ write }), lines }
}

function byPino(error: Error): string {
  const { stream, lines } = collect()
  pino({ base: null, timestamp: false }, stream).error(error)
  return lines.join('\n')
}

function byWinston(error: Error, format: Logform.Format): string {
  const { stream, lines } = collect()
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston declares its transports as interfaces.
  createLogger({ format, transports: [new transports.Stream({ stream })] }).error(error)
  return lines.join('\n')
}

/** Replaces ports and stack frames, which differ from run to run. */
function normalized(text: string): string {
  return text
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:40123')
    .replace(/(\n|\\n) {4}at .*?(?=\n[^ ]|\n {2}\[|\n {2}\w| \{|",|"\}|$)/gs, '$1    at <caller>')
}

async function picture(error: InstanceRoleError): Promise<string> {
  const chain = createCredentialChain(
    () => fromEnv()(),
    () => Promise.reject(error),
  )
  const ofChain = await chain().then(() => 'credentials', String)
  const parts = {
    'String(error)': String(error),
    'a chain of the AWS SDK': ofChain,
    'error.hint': error.hint,
    'error.fix': String(error.fix),
    'console.error(error)': format(error),
    'pino.error(error)': byPino(error),
    'winston, simple': byWinston(error, winston.combine(winston.errors(), winston.simple())),
    'winston, JSON': byWinston(error, winston.combine(winston.errors(), winston.json())),
  }
  return Object.entries(parts)
    .map(([title, text]) => `# ${title}\n${normalized(text)}\n`)
    .join('\n')
}

test.each(TROUBLES)('shows a person of $code what is wrong: $name', async ({ name, code, prepare }) => {
  const error = await failureOf(await prepare())
  expect(error.code).toBe(code)
  expect(error.message).not.toMatch(/[\n\r\u2028\u2029]/)
  expect(error.message.endsWith(` ${error.link}`)).toBe(true)
  await expect(await picture(error)).toMatchFileSnapshot(`shown/${name}.txt`)
})

test('shows every code', () => {
  const shown = new Set(TROUBLES.map(({ code }) => code))
  expect([...shown].sort()).toEqual(Object.keys(TREATMENTS).sort())
})

test.each(TROUBLES)('shows hint, command and link of $name once on the console', async ({ prepare }) => {
  const error = await failureOf(await prepare())
  const shown = format(error)
  for (const part of [error.hint.slice(0, -1), error.fix ?? error.link, error.link])
    expect(shown.split(part)).toHaveLength(2)
})

test.each(TROUBLES)('begins the stack of $name here', async ({ prepare }) => {
  const { stack = '', message } = await failureOf(await prepare())
  const [first = ''] =
    stack.slice(stack.indexOf(message) + message.length).match(/^ {4}at (?!.*node:internal).*$/m) ?? []
  expect(first).toMatch(/test[\\/]errors[\\/](shown\.test|troubles)\.ts|at (async )?MetadataClient\.\w+/)
})
