import type { Fault, Step } from '../testing/index.js'
import { FAULT_WORDS } from '../testing/faults.js'
import { UsageError } from './command.js'
import { quoted } from './flag-values.js'
import { suggesting } from './nearest.js'

/** A fault for the next `count` requests of a step, or for all of them. */
export interface OrderedFault {
  readonly step: Step
  readonly fault: Fault
  readonly count: number | undefined
  /** As the user wrote it. */
  readonly text: string
}

const STEP_WORDS = ['token', 'role', 'credentials', 'all'] as const satisfies readonly Step[]

const MOST_REQUESTS = 1_000
const LONGEST_WAIT_MS = 3_600_000

interface FaultWithValue {
  readonly example: string
  /** Returns `undefined` for a malformed value. */
  readonly parse: (value: string) => Fault | undefined
}

/** The faults with a value, by the word before it. */
const WITH_VALUE: ReadonlyMap<string, FaultWithValue> = new Map([
  [
    'delay',
    { example: 'delay=500 (milliseconds)', parse: (text) => parseMs(text, (ms) => ({ delayMs: ms })) },
  ],
  ['drip', { example: 'drip=100 (milliseconds)', parse: (text) => parseMs(text, (ms) => ({ dripMs: ms })) }],
  [
    'missing',
    { example: 'missing=Token', parse: (text) => parseName(text, (name) => ({ missingField: name })) },
  ],
  ['code', { example: 'code=Failed', parse: (text) => parseName(text, (name) => ({ code: name })) }],
])

/**
 * Parse the value of `--fail`: `STEP=FAULT`, or `STEP=FAULTxN` for the next N requests only.
 *
 * @throws {UsageError} that names the flag, its value and the most likely word
 */
export function parseFault(text: string): OrderedFault {
  const [, step, rest] = /^(.*?)=(.*)$/s.exec(text) ?? []
  if (step === undefined || rest === undefined)
    throw refusal(text, 'it must be <step>=<fault>, such as token=silence')
  const [, fault = '', count] = /^(.*?)(?:x(\d+))?$/s.exec(rest) ?? []
  return { step: parseStep(text, step), fault: parseShape(text, fault), count: parseCount(text, count), text }
}

function parseStep(text: string, step: string): Step {
  if (isPath(step)) return step
  const word = STEP_WORDS.find((one) => one === step)
  if (word !== undefined) return word
  const near = suggesting(step, STEP_WORDS)
  throw refusal(text, `there is no step ${quoted(step)}${near || '; a path begins with /'}`)
}

function isPath(step: string): step is `/${string}` {
  return /^\/[\x21-\x7e]*$/.test(step)
}

function parseShape(text: string, fault: string): Fault {
  const word = FAULT_WORDS.find((one) => one === fault)
  return word ?? parseStatus(text, fault) ?? parseWithValue(text, fault)
}

function parseStatus(text: string, fault: string): Fault | undefined {
  if (!/^\d+$/.test(fault)) return undefined
  const status = Number(fault)
  if (status >= 200 && status <= 599) return { status }
  throw refusal(text, 'a status is from 200 to 599')
}

function parseWithValue(text: string, fault: string): Fault {
  const [name = '', value = ''] = fault.split('=', 2)
  const known = WITH_VALUE.get(name)
  if (known === undefined) throw refusal(text, `there is no fault ${quoted(name)}${suggestFault(name)}`)
  const parsed = known.parse(value)
  if (parsed !== undefined) return parsed
  throw refusal(text, `${name} takes a value, such as ${known.example}`)
}

function suggestFault(name: string): string {
  return (
    suggesting(name, [...FAULT_WORDS, ...WITH_VALUE.keys()]) || '; instance-role emulate --help lists them'
  )
}

function parseCount(text: string, digits: string | undefined): number | undefined {
  if (digits === undefined) return undefined
  const count = Number(digits)
  if (count >= 1 && count <= MOST_REQUESTS) return count
  throw refusal(text, `the number after x is from 1 to ${MOST_REQUESTS}`)
}

function parseMs(text: string, make: (ms: number) => Fault): Fault | undefined {
  return /^\d{1,7}$/.test(text) && Number(text) <= LONGEST_WAIT_MS ? make(Number(text)) : undefined
}

function parseName(text: string, make: (name: string) => Fault): Fault | undefined {
  return /^\w{1,64}$/.test(text) ? make(text) : undefined
}

function refusal(text: string, reason: string): UsageError {
  return new UsageError(`--fail ${quoted(text)}: ${reason}`)
}
