import { readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { styleText } from 'node:util'
import { profileName, readConfigFiles, systemConfigSources } from '../config/config-sources.js'
import { searchDefaultChain } from '../diagnosis/default-chain-search.js'
import type { Verdict } from '../diagnosis/findings.js'
import { parseInstanceId } from '../diagnosis/metadata-documents.js'
import type { Facts } from '../diagnosis/facts.js'
import { formatReport, type Layout, type Paint } from '../diagnosis/report-text.js'
import { createReport } from '../diagnosis/report.js'
import { httpTransport } from '../imds/http-transport.js'
import { systemRuntime } from '../runtime/runtime.js'
import type { Command } from './command.js'
import { parseFlags } from './flags.js'

const HELP = `Usage: instance-role doctor [--verbose] [--json] [--profile <name>]

Says whether the instance role can be used from here, and which command fixes what is wrong.

  --verbose         shows every check and setting, not only what is wrong or set
  --json            for machines: docs/doctor.md
  --profile <name>  the section of the AWS config file whose settings are read
  --help            this text

Exit status: 0 healthy (warnings allowed), 1 a problem, 2 bad usage.
`

/** `instance-role doctor`: checks everything from settings to credentials. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'says what is wrong with the instance role, and which command fixes it',
  run: async (args) => {
    const values = parseFlags(args, {
      verbose: { type: 'boolean', short: 'v', default: false },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    })
    if (values.help) {
      process.stdout.write(HELP)
      return 0
    }
    const report = createReport(await examine(values.profile))
    process.stdout.write(
      values.json
        ? `${JSON.stringify(report, undefined, 2)}\n`
        : formatReport(report, layoutFor(process.stdout, values.verbose)),
    )
    return report.healthy ? 0 : 1
  },
}

/** The provider's own limit. With a shorter one, the doctor would report problems that the program does not have. */
const READING_LIMIT_MS = 10_000

async function examine(profile: string | undefined): Promise<Facts> {
  // Loaded here, because other commands do not need it.
  const { probe } = await import('../diagnosis/probe.js')
  const release = systemRuntime.keepAlive()
  try {
    return await probe({
      transport: httpTransport(systemRuntime),
      runtime: systemRuntime,
      profile: profileName(profile),
      sources: systemConfigSources(profile, READING_LIMIT_MS),
      loadFiles: () => readConfigFiles(READING_LIMIT_MS),
      readFirmwareInstanceId,
      readDefaultChain: () => searchDefaultChain(process.cwd()),
      watchEventLoop,
      onSlow: sayWaiting,
    })
  } finally {
    release()
  }
}

/** On stderr, so that stdout has only the report. */
function sayWaiting(endpoint: string, deadlineMs: number): void {
  const seconds = Math.ceil(deadlineMs / 1_000)
  process.stderr.write(
    `instance-role doctor: IMDS at ${endpoint} has not answered everything yet; retrying, for at most ${seconds} s\n`,
  )
}

/** Nitro instances have their ID as asset tag. Other hosts and systems have none. */
async function readFirmwareInstanceId(): Promise<string | undefined> {
  try {
    return parseInstanceId(await readFile('/sys/devices/virtual/dmi/id/board_asset_tag', 'utf8'))
  } catch {
    return undefined
  }
}

function watchEventLoop(): () => number {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  return () => {
    delay.disable()
    return Math.round(delay.max / 1e6)
  }
}

const COLOURS = { ok: 'green', warning: 'yellow', problem: 'red', skipped: 'dim' } as const satisfies Record<
  Verdict,
  string
>

/** The least width that is worth wrapping for. */
const LEAST_WIDTH = 40

/** As wide as the terminal. Lines in a file or a pipe are not wrapped. */
function layoutFor(
  { isTTY, columns }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>,
  isVerbose: boolean,
): Layout {
  const width = isTTY && columns > 0 ? Math.max(columns, LEAST_WIDTH) : Infinity
  const isPlain = !isTTY || Boolean(process.env['NO_COLOR'])
  return { width, isVerbose, paint: isPlain ? PLAIN : COLOURED }
}

const PLAIN: Paint = (_verdict, text) => text
const COLOURED: Paint = (verdict, text) => styleText(COLOURS[verdict], text)
