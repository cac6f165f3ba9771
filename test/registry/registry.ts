import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type InstalledPackage, installedPackages } from './lock-file.js'
import { type Release, releaseOfFolder, releaseOfTarball } from './tarball.js'

export interface RegistryOptions {
  /** Tarballs of packages that are published here. */
  readonly tarballs: readonly string[]
  /** A project whose installed packages are published here as well. */
  readonly project?: string
  /** Where a client is sent for everything else; without it, there is nothing else. */
  readonly upstream?: string
}

export interface Registry {
  readonly url: string
  close(): Promise<void>
}

/** Package managers hold back what was published only lately. */
const PUBLISHED_AT = '2020-01-01T00:00:00.000Z'

/**
 * An npm registry on loopback that has packages which are not published yet, for `npm install` and its like.
 *
 * @see https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
 */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const shelf = await stock(options)
  const server = createServer((request, response) => {
    answer(request, response, shelf, options.upstream).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Whoever forgets it can end all the same.
  server.unref()
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${port}`, close }
}

/** The releases of a name; packed when they are asked for, once. */
type Shelf = (name: string) => Promise<readonly Release[]>

async function stock({ tarballs, project }: RegistryOptions): Promise<Shelf> {
  const published = await Promise.all(tarballs.map(releaseOfTarball))
  const installed = project === undefined ? [] : installedPackages(project)
  const packed = new Map<string, Promise<readonly Release[]>>()
  const pack = (name: string): Promise<readonly Release[]> => {
    const known = packed.get(name) ?? packAll(installed.filter((one) => one.name === name))
    packed.set(name, known)
    return known
  }
  return async (name) => {
    const ours = published.filter(({ manifest }) => manifest.name === name)
    return ours.length > 0 ? ours : pack(name)
  }
}

/** Two folders can have the same version. */
async function packAll(packages: readonly InstalledPackage[]): Promise<readonly Release[]> {
  const releases = await Promise.all(packages.map(({ folder }) => releaseOfFolder(folder)))
  return [...new Map(releases.map((release) => [release.manifest.version, release])).values()]
}

/** `/<name>` is what there is of a package, `/<name>/-/<version>.tgz` one version of it. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  shelf: Shelf,
  upstream: string | undefined,
): Promise<void> {
  const [name = '', version] = decodeURIComponent(request.url ?? '')
    .slice(1)
    .split('/-/')
  const releases = await shelf(name)
  if (releases.length === 0) {
    turnAway(request, response, upstream)
    return
  }
  if (version === undefined) {
    sendMetadata(response, releases, `http://${request.headers.host ?? ''}`)
    return
  }
  const release = releases.find(({ manifest }) => `${manifest.version}.tgz` === version)
  if (release === undefined) {
    turnAway(request, response, undefined)
    return
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(release.tarball)
}

function sendMetadata(response: ServerResponse, releases: readonly Release[], base: string): void {
  const versions = releases.map(({ manifest, integrity }) => {
    const tarball = `${base}/${manifest.name}/-/${manifest.version}.tgz`
    return [manifest.version, { ...manifest, dist: { tarball, integrity } }] as const
  })
  const [newest = ''] = versions.map(([version]) => version).sort(byVersion)
  const metadata = {
    name: releases[0]?.manifest.name,
    'dist-tags': { latest: newest },
    versions: Object.fromEntries(versions),
    time: Object.fromEntries(versions.map(([version]) => [version, PUBLISHED_AT])),
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata))
}

function byVersion(one: string, other: string): number {
  return other.localeCompare(one, 'en', { numeric: true })
}

function turnAway(request: IncomingMessage, response: ServerResponse, upstream: string | undefined): void {
  if (upstream === undefined) response.writeHead(404).end('{}')
  else response.writeHead(302, { location: `${upstream}${request.url ?? ''}` }).end()
}
