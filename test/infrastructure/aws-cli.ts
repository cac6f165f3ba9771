import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { optionsIn, shellWords } from '../docs/shell-words.js'
import { SNIPPETS } from '../docs/snippets.js'

/** It asks AWS for nothing. */
const LOCAL = 'configure list'

/** Every command of the docs, each once, with the placeholders of the error page. */
function awsCommands(): string[][] {
  const lines = SNIPPETS.filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.split('\n'))
    .flatMap((line) => line.split('; '))
    .filter((line) => line.startsWith('aws ') && !line.startsWith(`aws ${LOCAL}`))
  return [...new Set(lines)].map((line) => shellWords(line).slice(1))
}

/**
 * Each command is carried out against a server on loopback that refuses everything: the AWS CLI checks its parameters against
 * AWS's own models first, and what arrives tells what it would have asked AWS for.
 */
export async function checkAwsCommands(at: string): Promise<void> {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      bodies.push(body)
      response.writeHead(400).end('<Response><Errors><Error><Code>Refused</Code></Error></Errors></Response>')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    for (const words of awsCommands()) {
      bodies.length = 0
      const output = await runAws(at, [...words, '--endpoint-url', url])
      requireRequest(words, bodies[0], output)
    }
  } finally {
    server.close()
  }
}

/** That what was asked for is what the command says. */
function requireRequest(words: readonly string[], body: string | undefined, output: string): void {
  const command = `aws ${words.join(' ')}`
  if (body === undefined) throw new Error(`${command}\nmade no request:\n${output}`)
  if (words[0] === 'cloudformation') return
  const sent = new URLSearchParams(body)
  const action = (words[1] ?? '').replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
  const values = [...optionsIn(words.slice(2))].filter(([name]) => name !== 'query').map(([, value]) => value)
  const isSent = (value: string): boolean => {
    const parts = value.startsWith('{') ? [value] : value.split(',').map((part) => part.replace(/^.*=/, ''))
    return parts.every((part) => [...sent.values()].includes(part))
  }
  if (sent.get('Action') !== action || !values.every(isSent)) throw new Error(`${command}\nasked for ${body}`)
}

function runAws(cwd: string, args: readonly string[]): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    HOME: cwd,
    AWS_ACCESS_KEY_ID: 'FAKEACCESSKEYID',
    AWS_SECRET_ACCESS_KEY: 'fake-secret-access-key',
    AWS_DEFAULT_REGION: 'eu-central-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
    AWS_PAGER: '',
  }
  return new Promise((done) => {
    execFile('aws', [...args], { cwd, env, timeout: 60_000 }, (_error, stdout, stderr) =>
      done(stdout + stderr),
    )
  })
}
