#!/usr/bin/env node
import { VERSION } from '../runtime/version.js'
import { type Command, UsageError } from './command.js'
import { credentials } from './credentials.js'
import { doctor } from './doctor.js'
import { emulate } from './emulate.js'

const COMMANDS: readonly Command[] = [doctor, credentials, emulate]

const SUCCESS = 0
const USAGE_ERROR = 2

surviveClosedPipes()
process.exitCode = await main(process.argv.slice(2))

/** Who reads the output may have read enough, as `head -1` has: no reason to fail, nor to stop serving. */
function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: Error) => {
      if (!('code' in error) || error.code !== 'EPIPE') throw error
    })
  }
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  switch (name) {
    case '--help':
    case '-h':
      return print(overview())
    case '--version':
      return print(VERSION)
    default:
      return runCommand(name, args)
  }
}

async function runCommand(name: string | undefined, args: readonly string[]): Promise<number> {
  if (name === undefined) return refuse('name a command; see instance-role --help')
  const command = COMMANDS.find((one) => one.name === name)
  if (command === undefined) {
    const kind = name.startsWith('-') ? 'flag' : 'command'
    return refuse(`there is no ${kind} ${name}; see instance-role --help`)
  }
  try {
    return await command.run(args)
  } catch (error) {
    if (error instanceof UsageError) return refuse(error.message, command.name)
    if (isParseArgsError(error)) return refuse(firstSentence(error.message), command.name)
    throw error
  }
}

function isParseArgsError(error: unknown): error is TypeError {
  if (!(error instanceof TypeError) || !('code' in error)) return false
  return typeof error.code === 'string' && error.code.startsWith('ERR_PARSE_ARGS_')
}

/** `parseArgs` goes on about arguments that begin with a dash. */
function firstSentence(message: string): string {
  return message.replace(/\. .*$/s, '').replaceAll('\n', ' ')
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return ['Usage: instance-role <command> [flags]', '', ...lines, '', 'Each has --help.'].join('\n')
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return SUCCESS
}

function refuse(message: string, command?: string): number {
  process.stderr.write(`instance-role${command === undefined ? '' : ` ${command}`}: ${message}\n`)
  return USAGE_ERROR
}
