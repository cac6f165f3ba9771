// Fails if a matrix row passes because its search for secrets cannot find any.
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { filesWithSecrets } from './secret-search.js'

const SECRET = 'FAKE/secret/+abc'

async function fileWith(
  content: string | Buffer,
): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'secret-search-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'below', 'file')
  await mkdir(join(folder, 'below'))
  await writeFile(path, content)
  return { folder, path }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

test.each([
  ['plain', `{"SecretAccessKey":"${SECRET}"}`],
  ['in a URL', encodeURIComponent(SECRET)],
  ['in base64', base64(SECRET)],
  ['in base64, one byte on', base64(`x${SECRET}y`)],
  ['in base64, two bytes on', base64(`xx${SECRET}yy`)],
  ['in base64, three bytes on', base64(`xxx${SECRET}yyy`)],
  ['in base64url', Buffer.from(`"${SECRET}"`).toString('base64url')],
  ['between bytes that are no text', Buffer.concat([Buffer.of(0xff, 0), Buffer.from(SECRET), Buffer.of(0)])],
  ['compressed', gzipSync(`{"SecretAccessKey":"${SECRET}"}`)],
])('finds a secret that is %s', async (_how, content) => {
  const { folder, path } = await fileWith(content)
  expect(await filesWithSecrets(folder, ['FAKE/another', SECRET])).toEqual([path])
})

test('finds no secret if a part of it is missing', async () => {
  const { folder } = await fileWith(base64(SECRET.slice(1)) + SECRET.slice(0, -1))
  expect(await filesWithSecrets(folder, [SECRET])).toEqual([])
})
