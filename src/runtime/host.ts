import type * as fs from 'node:fs'
import { timers } from './builtins.js'

/** The host of this process. Everything is looked up at each use. */
export interface Host {
  /** Environment variables. */
  readonly env: () => Readonly<Record<string, string | undefined>>
  /** Looked up late: reading `fs.promises` makes Node load it. See docs/discoveries.md, "Loading and waiting". */
  readonly fs: () => Pick<
    typeof fs,
    'accessSync' | 'closeSync' | 'constants' | 'openSync' | 'promises' | 'statSync'
  >
  /** The home directory of the system's user, or `undefined` if the user is not in the password file, for example in a container. */
  readonly homedir: () => string | undefined
  /** The path of a file that is always empty. */
  readonly devNull: () => string
  /** Loads a package with `require()`. */
  readonly require: (name: string) => unknown
  /** Prints a warning, on stderr by default. */
  readonly warn: (warning: string) => void
  /** Calls back after `delayMs` of real time, even if a test replaced the timers. Returns a function that cancels the call. */
  readonly afterRealTime: (delayMs: number, callback: () => void) => () => void
}

/** Saved at import, before a test can replace them. */
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
