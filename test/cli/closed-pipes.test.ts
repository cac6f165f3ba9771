import { once } from 'node:events'
import { expect, test } from 'vitest'
import { QUICK, startInstance } from '../diagnosis/examine.js'
import { fromInstanceRole } from '../../src/index.js'
import { type CliSurroundings, startCli, startEmulate } from './run-cli.js'

/** Runs a command to its end while nobody reads its output: of `stream`, or of both. */
async function runUnread(
  args: readonly string[],
  streams: readonly ('stdout' | 'stderr')[],
  surroundings?: CliSurroundings,
) {
  const run = startCli(args, surroundings)
  for (const name of streams) run.child[name]?.destroy()
  return { status: await run.ended, stdout: run.stdout(), stderr: run.stderr() }
}

test('exits as usual if nobody reads the report of a healthy doctor', async () => {
  const { env } = await startInstance({})
  for (const args of [['doctor'], ['doctor', '--json']]) {
    expect(await runUnread(args, ['stdout'], { env })).toEqual({ status: 0, stdout: '', stderr: '' })
  }
})

test('exits with 1 if nobody reads the problem that the doctor has found', async () => {
  const { env } = await startInstance({ make: (instance) => instance.disassociateProfile() })
  const ended = await runUnread(['doctor'], ['stdout'], { env: { ...env, ...QUICK } })
  expect(ended).toEqual({ status: 1, stdout: '', stderr: '' })
})

test('exits as usual if nobody reads the credentials, or why there are none', async () => {
  const { env } = await startInstance({})
  expect(await runUnread(['credentials'], ['stdout'], { env })).toMatchObject({ status: 0, stderr: '' })
  const disabled = { env: { AWS_EC2_METADATA_DISABLED: 'true' } }
  expect(await runUnread(['credentials'], ['stderr'], disabled)).toMatchObject({ status: 1, stdout: '' })
})

test.each([
  [['--help'], 0],
  [['--version'], 0],
  [['doctor', '--help'], 0],
  [['credentials', '--help'], 0],
  [['emulate', '--help'], 0],
  [['nonsense'], 2],
  [['doctor', '--nonsense'], 2],
  [['emulate', '--port', 'x'], 2],
])('exits as usual if nobody reads the output of %j', async (args, status) => {
  expect(await runUnread(args, ['stdout', 'stderr'])).toMatchObject({ status })
})

test('continues to serve an emulated instance if the reader of its log exits, and stops as usual', async () => {
  const { child, endpoint, ended } = await startEmulate()
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) throw new Error('no pipe')
    stream.destroy()
    await once(stream, 'close')
  }
  for (let load = 0; load < 3; load += 1) {
    await using provider = fromInstanceRole({ endpoint, isolated: true })
    expect((await provider()).accessKeyId).toMatch(/^FAKE/)
  }
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})
