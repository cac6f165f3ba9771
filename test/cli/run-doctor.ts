import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { assertReport, findingsOf, type Patient, startInstance } from '../diagnosis/examine.js'
import { runCli } from './run-cli.js'

type CliPatient = Omit<Patient, 'keysInFile'>

/** Runs the built doctor against a real loopback instance on which something may be wrong. */
export async function runDoctor({ env, ...scenario }: CliPatient = {}, args: readonly string[] = []) {
  const { instance, env: exported } = await startInstance(scenario)
  const run = await runCli(['doctor', ...args], { env: { ...exported, ...env } })
  return { ...run, instance }
}

/** The same, for machines; checked against the documented schema. */
export async function runDoctorJson(patient: CliPatient = {}, args: readonly string[] = []) {
  const run = await runDoctor(patient, ['--json', ...args])
  const report: unknown = JSON.parse(run.stdout)
  assertReport(report)
  return { ...run, report, ...findingsOf(report) }
}

/** A home folder with access keys in `~/.aws/credentials`. */
export function homeWithKeys(): { HOME: string; AWS_SHARED_CREDENTIALS_FILE: string } {
  const home = mkdtempSync(join(tmpdir(), 'doctor-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  mkdirSync(join(home, '.aws'))
  const keys = 'aws_access_key_id = STATICKEYID\naws_secret_access_key = static-secret\n'
  writeFileSync(join(home, '.aws/credentials'), `[default]\n${keys}[other]\n${keys}`)
  return { HOME: home, AWS_SHARED_CREDENTIALS_FILE: '' }
}
