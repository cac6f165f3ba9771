import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { runNode } from './child.js'
import { RUNS_NEWER_PACKAGES } from './newer-packages.js'

const APP = `
import { S3Client } from '@aws-sdk/client-s3'
import { fromInstanceRole, InstanceRoleError, type InstanceRoleOptions } from 'instance-role'
import { emulateInstance, type EmulatedInstance } from 'instance-role/testing'

const options: InstanceRoleOptions = { roleName: 'app-role', timeout: 500 }
export const client: S3Client = new S3Client({ credentials: fromInstanceRole() })
export const another: S3Client = new S3Client({ credentials: fromInstanceRole(options) })
export const instance: EmulatedInstance = emulateInstance()
export const expiration: Promise<Date> = fromInstanceRole()().then((credentials) => credentials.expiration)
export const codeOf = (error: unknown): string => (error instanceof InstanceRoleError ? error.code : 'other')
// @ts-expect-error a wrong option is found, so the types are not those of \`any\`
fromInstanceRole({ timeout: 'soon' })
`

const APP_WITH_NEWER_PACKAGES = `
import { fromInstanceRole } from 'instance-role'
import { emulateInstance } from 'instance-role/testing'
import { setupServer } from 'msw/node'
import { Agent } from 'undici'

export const credentials = fromInstanceRole({ dispatcher: new Agent() })
export const server = setupServer(...emulateInstance().handlers)
// @ts-expect-error a dispatcher that is none is found, so the types are not those of \`any\`
fromInstanceRole({ dispatcher: new Date() })
// @ts-expect-error nor are those of handlers
setupServer(new Date())
`

/** Both formats in one project: TypeScript reads `.mts` as an ES module, `.cts` as CommonJS. */
async function compile(
  settings: {
    readonly module: string
    readonly moduleResolution: string
    readonly skipLibCheck: boolean
  },
  project = inject('toolProject'),
  app = APP,
) {
  const folder = await mkdtemp(join(project, 'types-'))
  const compilerOptions = {
    ...{ target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], types: ['node'], noEmit: true },
    ...{ strict: true, exactOptionalPropertyTypes: true },
    ...settings,
  }
  const files = ['app.mts', 'app.cts']
  await Promise.all(files.map((name) => writeFile(join(folder, name), app)))
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const tsc = join(project, 'node_modules/typescript/bin/tsc')
  const { code, stdout } = await runNode([tsc, '--project', folder], folder)
  return { code, stdout }
}

// Other versions of TypeScript, and other ways to resolve modules, have their turn in `npm run matrix -- ts`.
test('compiles in a strict project, every declaration included', { timeout: 60_000 }, async () => {
  const settings = { module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: false }
  expect(await compile(settings)).toEqual({ code: 0, stdout: '' })
})

test.skipIf(!RUNS_NEWER_PACKAGES)(
  'fits the types of msw 3 and undici 8 (which need Node 22.19)',
  { timeout: 60_000 },
  async () => {
    const settings = { module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: true }
    const compiled = await compile(settings, inject('newerProject'), APP_WITH_NEWER_PACKAGES)
    expect(compiled).toEqual({ code: 0, stdout: '' })
  },
)

test('mentions undici in no declaration, because it is optional', async () => {
  const declarations = inject('packedFiles').filter((path) => /\.d\.[cm]?ts$/.test(path))
  const texts = await Promise.all(
    declarations.map((path) =>
      readFile(join(inject('bareProject'), 'node_modules/instance-role', path), 'utf8'),
    ),
  )
  expect(texts.length).toBeGreaterThan(2)
  const importing = texts.flatMap(
    (text) => text.match(/(?:from|import\(|import|require\()\s*['"]undici[^'"]*['"]/g) ?? [],
  )
  expect(importing).toEqual([])
})
