import { parseArgs, type ParseArgsConfig } from 'node:util'
import { UsageError } from './command.js'
import { suggesting } from './nearest.js'

type Flags = NonNullable<ParseArgsConfig['options']>
type Values<T extends Flags> = ReturnType<typeof parseArgs<{ args: string[]; options: T }>>['values']

/**
 * Parse the flags of a command. It takes no other arguments.
 *
 * @throws {UsageError} in one line, with the most likely flag
 */
export function parseFlags<const T extends Flags>(args: readonly string[], options: T): Values<T> {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    if (!isParseArgsError(error)) throw error
    throw new UsageError(`${firstSentence(error.message)}${suggestFlag(error.message, options)}`)
  }
}

function suggestFlag(message: string, options: Flags): string {
  const flag = /^Unknown option '(--[^'=]+)/.exec(message)?.[1]
  if (flag === undefined) return ''
  return suggesting(
    flag,
    Object.keys(options).map((name) => `--${name}`),
  )
}

function isParseArgsError(error: unknown): error is TypeError {
  if (!(error instanceof TypeError) || !('code' in error)) return false
  return typeof error.code === 'string' && error.code.startsWith('ERR_PARSE_ARGS_')
}

/** Removes the advice of `parseArgs` about arguments that begin with a dash. */
function firstSentence(message: string): string {
  return message.replace(/\. .*$/s, '').replaceAll('\n', ' ')
}
