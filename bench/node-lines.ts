import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './laboratory.js'

/** A version of Node that runs programs of the benchmark. */
export interface NodeLine {
  /** For example `Node 24.21.0`. */
  readonly label: string
  readonly executable: string
}

const NEWER = '24'

/** Returns the Node that runs the benchmark, and a newer one: the one that `BENCH_NEWER_NODE` names, otherwise Node 24 from npm. */
export function nodeLines(): readonly [own: NodeLine, newer: NodeLine] {
  return [lineOf(process.execPath), lineOf(process.env['BENCH_NEWER_NODE'] ?? installNode())]
}

function lineOf(executable: string): NodeLine {
  const version = execFileSync(executable, ['--version'], { encoding: 'utf8' }).trim().replace(/^v/, '')
  return { label: `Node ${version}`, executable }
}

/** Installs Node from npm's binary package and keeps it for the next run. It needs no install script. */
function installNode(): string {
  const system = process.platform === 'win32' ? 'win' : process.platform
  const name = `node-${system}-${process.arch}`
  const folder = join(ROOT, 'node_modules/.cache', `bench-node-${NEWER}`)
  const executable = join(
    folder,
    'node_modules',
    name,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  )
  if (!existsSync(executable)) {
    mkdirSync(folder, { recursive: true })
    const install = ['install', '--prefix', folder, '--no-save', '--no-package-lock', '--ignore-scripts']
    execFileSync('npm', [...install, `${name}@${NEWER}`], { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  return executable
}
