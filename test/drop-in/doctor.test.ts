// The four states as npm makes them; and the commands of the page and of the doctor, run.
import { cp, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Finding } from '../../src/diagnosis/findings.js'
import type { Report } from '../../src/diagnosis/report.js'
import { runCommand } from '../matrix/child-process.js'
import { blocksOf, type Chapter } from '../matrix/default-chain/page.js'
import { pack } from '../matrix/npm.js'
import { createNpmProject, OFFICIAL, OVERRIDE, shell } from '../registry/npm-project.js'
import { type Registry, startRegistry } from '../registry/registry.js'

const ROOT = resolve(import.meta.dirname, '../..')

vi.setConfig({ hookTimeout: 120_000, testTimeout: 120_000 })

let registry: Registry
let at: string
beforeAll(async () => {
  at = await realpath(await mkdtemp(join(tmpdir(), 'doctor-')))
  const tarballs = [await pack(ROOT, at), await pack(join(ROOT, 'drop-in'), at)]
  registry = await startRegistry({ tarballs, project: ROOT })
  await createNpmProject(join(at, 'installed'), registry.url, {})
  await shell(join(at, 'installed'), 'npm install @aws-sdk/client-s3')
})
afterAll(async () => {
  await registry.close()
  await rm(at, { recursive: true, force: true })
})

/** A project with a lock file, installed before anybody has heard of the drop-in. */
async function installedBefore(name: string): Promise<string> {
  const folder = join(at, name)
  await cp(join(at, 'installed'), folder, { recursive: true, verbatimSymlinks: true })
  return folder
}

async function findingIn(cwd: string): Promise<Finding | undefined> {
  const env = { AWS_EC2_METADATA_DISABLED: 'true' }
  const args = [join(ROOT, 'dist/cli/main.js'), 'doctor', '--json']
  const { stdout } = await runCommand({ executable: process.execPath, args, cwd, env })
  return (JSON.parse(stdout) as Report).findings.find(({ check }) => check === 'default-chain')
}

async function follow(folder: string, chapter: Chapter): Promise<void> {
  for (const { text } of blocksOf(chapter, 'npm')) await shell(folder, `set -e\n${text}`)
}

const OURS = { verdict: 'ok', facts: { implementation: 'instance-role-imds', copies: 1 } }
const THEIRS = { verdict: 'ok', facts: { implementation: OFFICIAL, copies: 1 } }
const IGNORED = { verdict: 'warning', facts: { implementation: OFFICIAL, copies: 1 } }

test('the commands of the page put the drop-in into an installed project, keep it there, and take it out', async () => {
  const folder = await installedBefore('page')
  expect(await findingIn(folder)).toMatchObject(THEIRS)
  await follow(folder, 'Put it in')
  expect(await findingIn(folder)).toMatchObject(OURS)
  await shell(folder, 'npm ci')
  expect(await findingIn(folder)).toMatchObject(OURS)
  await follow(folder, 'Undo')
  expect(await findingIn(folder)).toMatchObject(THEIRS)
  expect(await readFile(join(folder, 'package-lock.json'), 'utf8')).not.toContain('instance-role')
})

test('the commands of the page also work in a new project without a lock file', async () => {
  const folder = join(at, 'new')
  await createNpmProject(folder, registry.url, {})
  await follow(folder, 'Put it in')
  await shell(folder, 'npm install @aws-sdk/client-s3')
  expect(await findingIn(folder)).toMatchObject(OURS)
})

test('the command of the doctor does the same', async () => {
  const folder = await installedBefore('not-overridden')
  await shell(folder, (await findingIn(folder))?.fix ?? 'false')
  expect(await findingIn(folder)).toMatchObject(OURS)
})

test('the doctor reports an override that the lock file ignores, and its command applies it', async () => {
  const folder = await installedBefore('ignored')
  await shell(folder, `npm pkg set 'overrides.${OFFICIAL}=${OVERRIDE}'`)
  const finding = await findingIn(folder)
  expect(finding).toMatchObject(IGNORED)
  await shell(folder, finding?.fix ?? 'false')
  expect(await findingIn(folder)).toMatchObject(OURS)
})

test('the doctor reports two implementations, and its command leaves one', async () => {
  const folder = await installedBefore('two')
  // For one of those that load it only.
  await shell(folder, `npm pkg set 'overrides.@aws-sdk/credential-provider-ini.${OFFICIAL}=${OVERRIDE}'`)
  await shell(folder, 'npm install')
  const finding = await findingIn(folder)
  expect(finding).toMatchObject({ verdict: 'warning', facts: { implementation: 'several', copies: 2 } })
  await shell(folder, finding?.fix ?? 'false')
  expect(await findingIn(folder)).toMatchObject(OURS)
})

// Fails if the page and the doctor give different commands.
test('the page and the doctor give the same commands', async () => {
  const [onPage] = blocksOf('Put it in', 'npm')
  expect((await findingIn(join(at, 'installed')))?.fix).toBe(onPage?.text.trim().split('\n').join(' && '))
})
