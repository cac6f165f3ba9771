import { join, resolve } from 'node:path'
import type { Finding } from '../../../src/diagnosis/findings.js'
import type { Report } from '../../../src/diagnosis/report.js'
import { requireSeen } from '../expectation.js'
import type { PackageManager, UserProject } from './package-manager.js'

const DOCTOR = join(resolve(import.meta.dirname, '../../..'), 'dist/cli/main.js')

/** What the doctor finds in a folder of the project. */
export async function diagnose(
  { shell }: UserProject,
  { run }: PackageManager,
  folder = '.',
): Promise<Finding | undefined> {
  const disabled = { AWS_EC2_METADATA_DISABLED: 'true' }
  // There is no role here, which is a problem: exit status 1.
  const output = await shell(`cd ${folder} && ${run} ${DOCTOR} doctor --json || true`, disabled)
  const { findings } = JSON.parse(output.slice(output.indexOf('{'))) as Report
  return findings.find(({ check }) => check === 'default-chain')
}

/** @throws if the doctor finds something else */
export function requireFinding(
  finding: Finding | undefined,
  expected: { readonly verdict: string; readonly implementation: string },
): void {
  requireSeen({ verdict: finding?.verdict, implementation: finding?.facts['implementation'] }, expected)
}
