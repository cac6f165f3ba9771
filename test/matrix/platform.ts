import { join } from 'node:path'

const IS_WINDOWS = process.platform === 'win32'
const ENDING = IS_WINDOWS ? '.exe' : ''
const BUN_AND_DENO = `${process.platform}-${process.arch}`

/** An executable that npm has as a package of its own for each platform, and that needs no install script. */
export interface PackagedExecutable {
  readonly name: string
  readonly path: string
}

export const NODE: PackagedExecutable = {
  name: `node-${IS_WINDOWS ? 'win' : process.platform}-${process.arch}`,
  path: join('bin', `node${ENDING}`),
}

export const BUN: PackagedExecutable = {
  name: `@oven/bun-${BUN_AND_DENO}`,
  path: join('bin', `bun${ENDING}`),
}

export const DENO: PackagedExecutable = {
  name: `@deno/${BUN_AND_DENO}${process.platform === 'linux' ? '-glibc' : ''}`,
  path: `deno${ENDING}`,
}
