import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { NOWHERE } from '../nowhere.js'
import { MAIN } from './run-cli.js'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'stopped-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** Runs a command as npx does: as the child of a shell, with the variables of npm. */
function runAsNpx(args: readonly string[]) {
  const line = `"${process.execPath}" "${MAIN}" ${args.join(' ')} & echo $!; wait`
  const shell = spawn('sh', ['-c', line], {
    env: { PATH: process.env['PATH'], ...NOWHERE, npm_command: 'exec' },
  })
  let output = ''
  for (const stream of [shell.stdout, shell.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  let isClosed = false
  const closed = once(shell, 'close').then(() => (isClosed = true))
  onTestFinished(() => {
    if (!isClosed) process.kill(Number(/^\d+$/m.exec(output)?.[0]), 'SIGKILL')
  })
  return { shell, output: () => output, closed }
}

test.skipIf(process.platform === 'win32').each([
  { name: 'emulate', args: () => ['emulate', '--port', '0'] },
  { name: 'serve', args: () => ['serve', '--port', '0', '--token-file', join(folder(), 'token')] },
])('$name stops when the npx that started it is killed', async ({ args }) => {
  const { shell, output, closed } = runAsNpx(args())
  await expect.poll(output, { timeout: 10_000 }).toMatch(/=http:\/\/127\.0\.0\.1:\d+.*\n/)
  shell.kill('SIGTERM')
  await closed
  const port = Number(/=http:\/\/127\.0\.0\.1:(\d+)/.exec(output())?.[1])
  const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [Error]
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
})
