import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { InstanceRoleError } from '../../src/index.js'

const ROOT = resolve(import.meta.dirname, '../..')

function read(path: string): string {
  return readFileSync(resolve(ROOT, path), 'utf8')
}

interface Manifest {
  readonly repository: { readonly url: string }
  readonly homepage: string
  readonly bugs: { readonly url: string }
  readonly publishConfig: unknown
  readonly engines: { readonly node: string }
}

const manifest = JSON.parse(read('package.json')) as Manifest

interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly strategy?: { readonly matrix: { readonly node: readonly string[] } }
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[]
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

function readWorkflow(name: string): Workflow {
  return parse(read(`.github/workflows/${name}.yml`)) as Workflow
}

function commandsOf(job: Job | undefined): string[] {
  return (job?.steps ?? []).flatMap(({ run }) => (run === undefined ? [] : [run]))
}

// Fails if errors lead to pages of another repository than the one that is published.
test('links errors to the repository of the package', () => {
  const repository = manifest.repository.url.replace(/^git\+/, '').replace(/\.git$/, '')
  expect(new InstanceRoleError('NO_ROLE', '').link).toMatch(new RegExp(`^${repository}/blob/main/docs/`))
  expect([manifest.homepage, manifest.bugs.url]).toEqual([`${repository}#readme`, `${repository}/issues`])
  expect(read('SECURITY.md')).toContain(`${repository}/security/advisories/new`)
})

test('is published publicly, with provenance', () => {
  expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true })
  const { permissions, jobs } = readWorkflow('release')
  expect(permissions).toEqual({ contents: 'read' })
  expect(jobs['publish']?.permissions).toEqual({ contents: 'read', 'id-token': 'write' })
  const commands = commandsOf(jobs['publish'])
  const at = (begin: string): number => commands.findIndex((command) => command.startsWith(begin))
  const inOrder = [
    at('test "$GITHUB_REF_NAME"'),
    at('grep'),
    at('bash .ci/run'),
    at('npm publish --provenance'),
    at('cd drop-in && npm publish --provenance'),
  ]
  expect(inOrder).toEqual([0, 1, 2, 3, 4])
})

function bash(command: string, env: Readonly<Record<string, string>>, cwd = ROOT): string {
  return execFileSync('bash', ['-c', command], { cwd, env: { ...process.env, ...env }, encoding: 'utf8' })
}

test('is published only if the changelog has the version', () => {
  const check = commandsOf(readWorkflow('release').jobs['publish']).find((command) =>
    command.startsWith('grep'),
  )
  const folder = mkdtempSync(join(tmpdir(), 'changelog-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const env = { GITHUB_REF_NAME: 'v1.2.3' }
  writeFileSync(join(folder, 'CHANGELOG.md'), '## [Unreleased]\n\n## [1.2.2] - 2026-01-01\n')
  expect(() => bash(check ?? '', env, folder)).toThrow()
  writeFileSync(join(folder, 'CHANGELOG.md'), '## [1.2.3] - 2026-02-01\n\n## [1.2.2] - 2026-01-01\n')
  expect(bash(check ?? '', env, folder)).toBe('## [1.2.3] - 2026-02-01\n')
})

// The drop-in goes last: what it depends on is there by then.
test.each([
  ['v1.2.3', 'latest'],
  ['v2.0.0-beta.1', 'next'],
])('publishes both packages of %s as %s', (tag, distTag) => {
  const publish = commandsOf(readWorkflow('release').jobs['publish']).slice(-2)
  const said = publish.map((command) => bash(command.replace('npm', 'echo'), { GITHUB_REF_NAME: tag }))
  expect(said).toEqual(Array(2).fill(`publish --provenance --access public --tag ${distTag}\n`))
})

test('is checked on the oldest supported Node and on the later lines', () => {
  const { jobs } = readWorkflow('ci')
  const lines = jobs['check']?.strategy?.matrix.node ?? []
  expect(lines[0]).toBe(manifest.engines.node.replace('>=', ''))
  expect(lines).toEqual(['20.19', '22', '24', '26'])
  expect(commandsOf(jobs['check'])).toEqual(['bash .ci/run'])
  expect(commandsOf(jobs['matrix'])).toEqual(['npm ci', 'npm run matrix'])
})
