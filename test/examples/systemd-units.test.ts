// Fails if a directive of the units is misspelt, and that they and the command drift apart.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { serve } from '../../src/cli/serve.js'
import { isOnPath } from '../on-path.js'

const hasSystemd = isOnPath('systemd-analyze')

function read(name: string): string {
  return readFileSync(new URL(`../../examples/systemd/${name}`, import.meta.url), 'utf8')
}

/** Every value of each directive. */
function directivesOf(unit: string): Map<string, string[]> {
  const all = new Map<string, string[]>()
  for (const [, name = '', value = ''] of unit.matchAll(/^(\w+)=(.*)$/gm))
    all.set(name, [...(all.get(name) ?? []), value])
  return all
}

const SERVER = 'instance-role.service'
const CLIENT = 'reports.service'
const server = directivesOf(read(SERVER))
const client = directivesOf(read(CLIENT))

/** What `systemd-analyze verify` says of a unit, with programs that this machine has. */
function verify(name: string, change: (unit: string) => string = (unit) => unit) {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, basename(name))
  writeFileSync(path, change(read(name)).replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`))
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
  return { status, stderr }
}

test.skipIf(!hasSystemd).each([SERVER, CLIENT])('systemd accepts %s (where this machine has it)', (name) => {
  expect(verify(name)).toEqual({ status: 0, stderr: '' })
})

test.skipIf(!hasSystemd)('systemd rejects an unknown directive', () => {
  expect(verify(SERVER, (unit) => unit.replace('ProtectHome', 'ProtectHoem')).stderr).toContain('ProtectHoem')
})

test('the server has the flags that it needs', async () => {
  const [, flags = ''] = server.get('ExecStart')?.[0]?.split('/main.js serve ') ?? []
  const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  onTestFinished(() => {
    output.mockRestore()
  })
  expect(flags).toMatch(/--port \d+ --token-file \/run\/instance-role\/token/)
  expect(await serve.run(['--help', ...flags.split(' ')])).toBe(0)
})

test('the server reaches only loopback and IMDS, and restarts when it ends', () => {
  expect(Object.fromEntries(server)).toMatchObject({
    IPAddressDeny: ['any'],
    IPAddressAllow: ['127.0.0.0/8 ::1/128 169.254.169.254/32 fd00:ec2::254/128'],
    RestrictAddressFamilies: ['AF_INET AF_INET6 AF_UNIX'],
    MemoryDenyWriteExecute: ['yes'],
    DynamicUser: ['yes'],
    Restart: ['always'],
    Type: ['notify'],
    NotifyAccess: ['all'],
  })
  // Without it, Node does not live with MemoryDenyWriteExecute.
  expect(server.get('ExecStart')?.[0]).toContain(' --jitless ')
})

test('the client uses that server, as the user that can read its token', () => {
  const [, port] = /--port (\d+)/.exec(String(server.get('ExecStart'))) ?? []
  expect(client.get('User')).toEqual(server.get('User'))
  expect(client.get('Environment')).toEqual([
    `AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:${String(port)}/credentials`,
    'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/run/instance-role/token',
  ])
  expect(client.get('After')).toEqual([SERVER])
})
