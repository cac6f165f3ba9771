import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { requireOwnFile, writeTokenFile } from '../../src/cli/token-file.js'

const isUnix = process.platform !== 'win32'
const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

/** The path of a token file in a folder of this user. */
function setup(mode = 0o700) {
  const folder = mkdtempSync(join(tmpdir(), 'token-file-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, mode)
  return { folder, path: join(folder, 'token') }
}

test('writes a new token file, and replaces the last one', async () => {
  const { path } = setup()
  for (const token of ['FAKE-first', 'FAKE-second']) {
    await requireOwnFile(path)
    await writeTokenFile(path, token)
    expect(readFileSync(path, 'utf8')).toBe(token)
  }
})

test.skipIf(!isUnix)('refuses a folder that every user can write to', async () => {
  const { path } = setup(0o777)
  await expect(requireOwnFile(path)).rejects.toThrow('every user can write to')
})

test.skipIf(!isUnix)('refuses such a folder even if it has a token', async () => {
  const { path } = setup(0o777)
  writeFileSync(path, 'FAKE', { mode: 0o600 })
  await expect(requireOwnFile(path)).rejects.toThrow('every user can write to')
})

test.skipIf(!isUnix)(
  'accepts a folder like /tmp, in which nobody can replace the files of others',
  async () => {
    const { path } = setup(0o1777)
    await expect(requireOwnFile(path)).resolves.toBeUndefined()
  },
)

test.skipIf(!isRoot)('refuses a folder of another user (where the tests are root)', async () => {
  const { folder, path } = setup()
  chownSync(folder, NOBODY, NOBODY)
  await expect(requireOwnFile(path)).rejects.toThrow('folder of another user')
})

test('names a folder at the path of the file', async () => {
  const { path } = setup()
  mkdirSync(path, { mode: 0o700 })
  await expect(requireOwnFile(path)).rejects.toThrow('is not a regular file')
})
