import type * as fs from 'node:fs'
import { timers } from './builtins.js'

/** What is around this process, looked up at each use. */
export interface Host {
  /** The environment variables. */
  readonly env: () => Readonly<Record<string, string | undefined>>
  /** Taken late: Node loads `fs.promises` for an `import` of it. See docs/discoveries.md, "Loading and waiting". */
  readonly fs: () => Pick<
    typeof fs,
    'accessSync' | 'closeSync' | 'constants' | 'openSync' | 'promises' | 'statSync'
  >
  /** The home directory that the system knows of; `undefined` for a user whom no password file has, in a container, say. */
  readonly homedir: () => string | undefined
  /** The file that is always empty. */
  readonly devNull: () => string
  /** Loads a package by `require()`. */
  readonly require: (name: string) => unknown
  /** Warns the user of this process, on stderr by default. */
  readonly warn: (warning: string) => void
  /** Calls back after `delayMs` of real time, whatever clock a test has put in its place; what comes back cancels. */
  readonly afterRealTime: (delayMs: number, callback: () => void) => () => void
}

/** Kept from import, as they were before any test. */
const { setTimeout, clearTimeout } = timers

export const systemHost: Host = {
  env: () => process.env,
  fs: () => process.getBuiltinModule('node:fs'),
  homedir: () => {
    try {
      return process.getBuiltinModule('node:os').homedir()
    } catch {
      return undefined
    }
  },
  devNull: () => process.getBuiltinModule('node:os').devNull,
  require: (name) => {
    const loaded: unknown = process.getBuiltinModule('node:module').createRequire(import.meta.url)(name)
    return loaded
  },
  warn: (warning) => process.emitWarning(warning, 'InstanceRoleWarning'),
  afterRealTime: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
