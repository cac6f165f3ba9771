import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from './child-process.js'

/** How TypeScript finds modules, by the names that `tsconfig.json` has for it. */
export interface Resolution {
  readonly module: string
  readonly moduleResolution: string
}

const TIME_LIMIT_MS = 180_000

/**
 * Compiles an application, as an ES module and as CommonJS, with the TypeScript that `project` has; every
 * declaration is checked.
 *
 * Gives how many errors there are in declarations of other packages, which are theirs.
 *
 * @throws with the errors in the application, or in the declarations of the packed package
 */
export async function compileApplication(
  project: string,
  source: string,
  resolution: Resolution,
): Promise<number> {
  const folder = join(project, `${source}-${resolution.moduleResolution}`)
  await mkdir(folder)
  const files = ['application.mts', 'application.cts']
  for (const file of files) await copyFile(join(project, source), join(folder, file))
  const compilerOptions = {
    ...{ target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], types: ['node'], noEmit: true },
    ...{
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
    },
    ...resolution,
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const tsc = join(project, 'node_modules/typescript/bin/tsc')
  const { code, stdout, stderr } = await runCommand({
    ...{ executable: process.execPath, args: [tsc, '--project', folder, '--pretty', 'false'] },
    ...{ cwd: project, timeLimitMs: TIME_LIMIT_MS },
  })
  const errors = stdout.split('\n').filter((line) => /\berror TS\d+:/.test(line))
  const theirs = errors.filter((line) => /^\S*node_modules\/(?!instance-role\/)/.test(line))
  const isUnexplained = code !== 0 && errors.length === 0
  if (isUnexplained || errors.length > theirs.length) throw new Error(`tsc says\n${stdout}${stderr}`)
  return theirs.length
}
