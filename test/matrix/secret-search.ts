import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** The paths of the files under `folder` that hold one of the secrets, plain or encoded, compressed by gzip or not. */
export async function filesWithSecrets(folder: string, secrets: Iterable<string>): Promise<string[]> {
  const needles = [...secrets].flatMap(spellings)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const bytes = decompressed(await readFile(path))
    if (needles.some((needle) => bytes.includes(needle))) found.push(path)
  }
  return found
}

function decompressed(bytes: Buffer): Buffer {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  return isGzip ? gunzipSync(bytes) : bytes
}

/** How a secret looks in a file: as it is, in a URL, and in base64, wherever in a longer text it begins. */
export function spellings(secret: string): string[] {
  const base64 = [0, 1, 2].map((offset) => base64At(offset, secret))
  const base64url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [...new Set([secret, encodeURIComponent(secret), ...base64, ...base64url])]
}

/** Base64 of a text that has the secret after so many bytes: what of it the bytes around the secret do not change. */
function base64At(offset: number, secret: string): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
  const first = Math.ceil((offset * 8) / 6)
  return bytes.toString('base64').slice(first, Math.floor((bytes.length * 8) / 6))
}
