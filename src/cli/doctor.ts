import { readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs, styleText } from 'node:util'
import { profileName, readConfigFiles, systemConfigSources } from '../config/config-sources.js'
import { searchDefaultChain } from '../diagnosis/default-chain-search.js'
import type { Verdict } from '../diagnosis/findings.js'
import { parseInstanceId } from '../diagnosis/metadata-documents.js'
import type { Facts } from '../diagnosis/facts.js'
import { createReport, formatReport, type Paint } from '../diagnosis/report.js'
import { httpTransport } from '../imds/http-transport.js'
import { systemRuntime } from '../runtime/runtime.js'
import type { Command } from './command.js'

const HELP = `Usage: instance-role doctor [--json] [--profile <name>]

Says whether the instance role can be used from here, and which command fixes what is wrong.

  --json            for machines: docs/doctor.md
  --profile <name>  the section of the AWS config file whose settings are read
  --help            this text

Exit status: 0 healthy (warnings allowed), 1 a problem, 2 bad usage.
`

/** `instance-role doctor`: what holds and what does not, from settings to credentials. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'says what is wrong with the instance role, and which command fixes it',
  run: async (args) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        profile: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) {
      process.stdout.write(HELP)
      return 0
    }
    const report = createReport(await examine(values.profile))
    process.stdout.write(
      values.json === true
        ? `${JSON.stringify(report, undefined, 2)}\n`
        : formatReport(report, choosePaint()),
    )
    return report.healthy ? 0 : 1
  },
}

/** Of the 5 s that docs/doctor.md promises, what asking IMDS leaves. */
const READING_LIMIT_MS = 500

async function examine(profile: string | undefined): Promise<Facts> {
  // Loaded where it is run: other commands do without.
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
    })
  } finally {
    release()
  }
}

/** Nitro instances have their ID as asset tag; on other hosts, and other systems, there is none. */
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

function choosePaint(): Paint {
  const isPlain = !process.stdout.isTTY || Boolean(process.env['NO_COLOR'])
  return isPlain ? (_verdict, text) => text : (verdict, text) => styleText(COLOURS[verdict], text)
}
