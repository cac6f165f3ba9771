// `npm run infrastructure`: each AWS snippet of docs/getting-started.md, and each `aws` command of the docs, through the tools that
// it is written for. They are installed in a temporary folder; nothing but their installation needs a network.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isOnPath } from '../on-path.js'
import { checkAwsCommands } from './aws-cli.js'
import { CDK, checkCdk, checkCloudFormation } from './templates.js'
import { checkTerraform, HCL_PARSER } from './terraform.js'
import { npm } from './workshop.js'

async function report(name: string, check: (at: string) => Promise<void>, at: string): Promise<void> {
  try {
    await check(at)
    console.log(`ok       ${name}`)
  } catch (error) {
    console.log(`NOT OK   ${name}: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}

const at = await mkdtemp(join(tmpdir(), 'instance-role-infrastructure-'))
try {
  await writeFile(join(at, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await npm(at, 'install', '--ignore-scripts', ...CDK, HCL_PARSER)
  await report('CDK: type-checked and synthesized', checkCdk, at)
  await report('CloudFormation: included by the CDK', checkCloudFormation, at)
  await report('Terraform: parsed, and checked against the provider', checkTerraform, at)
  if (isOnPath('aws')) await report('AWS CLI: each command makes its request', checkAwsCommands, at)
  else console.log('SKIPPED  AWS CLI: there is none on the PATH')
} finally {
  await rm(at, { recursive: true, force: true })
}
