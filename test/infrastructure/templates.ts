import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PolicyDocument } from '../../src/testing/trust-policy.js'
import { type Outcome, requireOutcome } from './outcome.js'
import { compile, node, writeBlock } from './workshop.js'

export const CDK: readonly string[] = ['aws-cdk-lib@2.276.0', 'constructs@10.8.1']

interface Template {
  readonly Resources: Readonly<Record<string, Resource>>
}

interface Resource {
  readonly Type: string
  readonly Properties: {
    readonly AssumeRolePolicyDocument: PolicyDocument
    readonly Roles: unknown
    readonly IamInstanceProfile: unknown
  }
}

/** Has the CDK check the template against AWS's own schemas, and fail where it finds something. */
const STRICT = `context: { '@aws-cdk/core:validateAgainstDefaultRules': true }`

const CDK_APP = `
import { App } from 'aws-cdk-lib'
import { InstanceStack } from './instance-stack.js'
const app = new App({ outdir: 'cdk.out', ${STRICT} })
new InstanceStack(app, 'app')
app.synth()
`

/** The stack is type-checked, and synthesized. */
export async function checkCdk(at: string): Promise<void> {
  await writeBlock(at, 'instance-stack.ts')
  await writeFile(join(at, 'cdk-app.ts'), CDK_APP)
  await compile(at, 'cdk-app.ts')
  await node(at, 'cdk-app.js')
  requireOutcome(await readOutcome(join(at, 'cdk.out/app.template.json')))
}

const INCLUDING_APP = `
import { App, Stack } from 'aws-cdk-lib'
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include'
const app = new App({ outdir: 'cloudformation.out', ${STRICT} })
new CfnInclude(new Stack(app, 'app'), 'Template', { templateFile: 'instance.yaml' })
app.synth()
`

/** The CDK includes the template: it refuses types and properties that there are not, and references that lead nowhere. */
export async function checkCloudFormation(at: string): Promise<void> {
  await writeBlock(at, 'instance.yaml')
  await writeFile(join(at, 'including-app.mjs'), INCLUDING_APP)
  await node(at, 'including-app.mjs')
  requireOutcome(await readOutcome(join(at, 'cloudformation.out/app.template.json')))
}

async function readOutcome(path: string): Promise<Outcome> {
  const { Resources } = JSON.parse(await readFile(path, 'utf8')) as Template
  const only = (type: string): readonly [string, Resource['Properties']] => {
    const [found, ...others] = Object.entries(Resources).filter(([, { Type }]) => Type === type)
    if (found === undefined || others.length > 0) throw new Error(`not one ${type}`)
    return [found[0], found[1].Properties]
  }
  const [role, { AssumeRolePolicyDocument }] = only('AWS::IAM::Role')
  const [profile, { Roles }] = only('AWS::IAM::InstanceProfile')
  const [, { IamInstanceProfile }] = only('AWS::EC2::Instance')
  return {
    trustPolicy: AssumeRolePolicyDocument,
    isRoleInProfile: isSame(Roles, [{ Ref: role }]),
    isProfileOnInstance: isSame(IamInstanceProfile, { Ref: profile }),
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
