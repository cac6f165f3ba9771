import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from './check.js'
import { outputOf } from './child-process.js'
import { requireSeen } from './expectation.js'
import { startNextServer } from './next-server.js'
import { startSecretInstance, type SecretInstance } from './secret-instance.js'
import { filesWithSecrets } from './secret-search.js'
import type { Workbench } from './workbench.js'

/** The newest Next.js, and the last one that stores every `fetch` unless told otherwise. */
const VERSIONS = [
  { next: '16.4.6', react: '19.3.1' },
  { next: '14.2.35', react: '18.3.1' },
]

const BUILD_LIMIT_MS = 300_000

/** The pages that are made at build time, and after how many seconds each is made again. */
const PRERENDERED = { '/': false, '/revalidated': 1 }

/** The packed package in an application of Next.js, which stores responses of `fetch` on disk. */
export function nextChecks(workbench: Workbench): Check[] {
  return VERSIONS.map((versions) => ({
    section: 'next',
    subject: `Next.js ${versions.next}`,
    prove: () => prove(workbench, versions),
  }))
}

async function prove(workbench: Workbench, { next, react }: (typeof VERSIONS)[number]): Promise<string> {
  const packages = [`next@${next}`, `react@${react}`, `react-dom@${react}`]
  const project = await workbench.project(`next-${next}`, packages)
  await using instance = await startSecretInstance(join(project, 'refused-hosts.txt'))
  const without = await build(project, 'without', instance)
  const app = await build(project, 'with', instance)
  requireSeen(await prerendered(without), PRERENDERED)
  requireSeen(await prerendered(app), PRERENDERED)
  await use(app, instance)
  await requireNoSecret(join(app, '.next'), instance)
  requireSeen({ refusedHosts: await instance.refusedHosts() }, { refusedHosts: '' })
  return `${next}: no secret under .next, static pages stay static, a refresh reaches IMDS`
}

/** Builds a copy of the application, `with` the call of this package or `without`. */
async function build(project: string, name: 'with' | 'without', { env }: SecretInstance): Promise<string> {
  const app = join(project, `next-app-${name}`)
  await cp(join(project, 'next-app'), app, { recursive: true })
  if (name === 'without') await cp(join(app, 'no-role.mjs'), join(app, 'role.mjs'))
  const args = [join(project, 'node_modules/next/dist/bin/next'), 'build']
  await outputOf({ executable: process.execPath, args, cwd: app, env, timeLimitMs: BUILD_LIMIT_MS })
  return app
}

interface PrerenderManifest {
  readonly routes: Readonly<Record<string, { readonly initialRevalidateSeconds: number | false }>>
}

/** The seconds after which each page is made again, without the error pages that Next.js adds. */
async function prerendered(app: string): Promise<Record<string, number | false>> {
  const text = await readFile(join(app, '.next/prerender-manifest.json'), 'utf8')
  const { routes } = JSON.parse(text) as PrerenderManifest
  const pages = Object.entries(routes).filter(([page]) => !page.startsWith('/_'))
  return Object.fromEntries(
    pages.map(([page, { initialRevalidateSeconds }]) => [page, initialRevalidateSeconds]),
  )
}

/** Makes every page, the second one again, and refreshes the credentials. */
async function use(app: string, instance: SecretInstance): Promise<void> {
  const builtWith = instance.accessKeyId()
  await using server = await startNextServer(app, instance.env)
  requireSeen({ page: shown(await server.get('/')) }, { page: builtWith })
  instance.rotate()
  await server.until('/revalidated', (text) => shown(text) === instance.accessKeyId())
  instance.rotate()
  const kept = await server.get('/role')
  const refreshed = await server.get('/role?refresh')
  requireSeen({ isKept: kept !== refreshed, refreshed }, { isKept: true, refreshed: instance.accessKeyId() })
  instance.rotate()
  requireSeen({ refreshed: await server.get('/role?refresh') }, { refreshed: instance.accessKeyId() })
  requireSeen({ plantedIsAsked: instance.plantedIsAsked() }, { plantedIsAsked: 1 })
}

function shown(page: string): string | undefined {
  return /FAKE\w+/.exec(page)?.[0]
}

async function requireNoSecret(folder: string, instance: SecretInstance): Promise<void> {
  if ((await filesWithSecrets(folder, [instance.planted])).length === 0)
    throw new Error('nothing of what fetch was answered is on disk: this row proves nothing')
  const leaking = await filesWithSecrets(folder, instance.secrets())
  if (leaking.length > 0) throw new Error(`a secret is in ${leaking.join(', ')}`)
}
