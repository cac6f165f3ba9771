#!/usr/bin/env node
import { codeOf } from '../runtime/member-of.js'
import { VERSION } from '../runtime/version.js'
import { type Command, UsageError } from './command.js'
import { credentials } from './credentials.js'
import { doctor } from './doctor.js'
import { emulate } from './emulate.js'
import { exec } from './exec.js'
import { suggesting } from './nearest.js'
import { serve } from './serve.js'

const COMMANDS: readonly Command[] = [doctor, credentials, exec, serve, emulate]

const FLAGS = ['--help', '--version']

const SUCCESS = 0
const USAGE_ERROR = 2

surviveClosedPipes()
process.exitCode = await main(process.argv.slice(2))

/** The reader of the output may stop early, like `head -1`. That is no reason to fail or to stop serving. */
function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: Error) => {
      if (codeOf(error) !== 'EPIPE') throw error
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
    const isFlag = name.startsWith('-')
    const known = isFlag ? FLAGS : COMMANDS.map((one) => one.name)
    const near = suggesting(name, known) || '; see instance-role --help'
    return refuse(`there is no ${isFlag ? 'flag' : 'command'} ${name}${near}`)
  }
  try {
    return await command.run(args)
  } catch (error) {
    if (error instanceof UsageError) return refuse(error.message, command.name)
    throw error
  }
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
