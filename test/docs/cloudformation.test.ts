// Fails if the guide's template lacks one of the three things that it is for. `npm run infrastructure` does the same for
// Terraform and the CDK, with tools that are too heavy for here.
import { expect, test } from 'vitest'
import { parse as parseYaml, type ScalarTag } from 'yaml'
import { letsEc2AssumeRole, type PolicyDocument } from '../../src/testing/trust-policy.js'
import { snippetsOf } from './snippets.js'

interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
}

interface Template {
  readonly Parameters: Readonly<Record<string, unknown>>
  readonly Resources: Readonly<Record<string, Resource>>
}

/** The short forms of CloudFormation's functions, as its JSON spells them. */
const TAGS: ScalarTag[] = [
  { tag: '!Ref', resolve: (name) => ({ Ref: name }) },
  { tag: '!GetAtt', resolve: (path) => ({ 'Fn::GetAtt': path.split('.') }) },
]

const source = snippetsOf('docs/getting-started.md').find(({ fileName }) => fileName === 'instance.yaml')
const template = parseYaml(source?.text ?? '', { customTags: TAGS }) as Template

function resource(type: string): readonly [string, Resource['Properties']] {
  const [found, ...others] = Object.entries(template.Resources).filter(([, one]) => one.Type === type)
  if (found === undefined || others.length > 0) throw new Error(`not one ${type}`)
  return [found[0], found[1].Properties]
}

/** Every name that is referred to, at any depth. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    if (key === 'Ref') return [String(inner)]
    if (key === 'Fn::GetAtt' && Array.isArray(inner)) return [String(inner[0])]
    return referencesIn(inner)
  })
}

test('the trust policy of the role lets EC2 assume it', () => {
  const [, { AssumeRolePolicyDocument }] = resource('AWS::IAM::Role')
  expect(letsEc2AssumeRole(AssumeRolePolicyDocument as PolicyDocument)).toBe(true)
})

test('the instance profile wraps the role, and the instance has the profile', () => {
  const [role] = resource('AWS::IAM::Role')
  const [profile, { Roles }] = resource('AWS::IAM::InstanceProfile')
  const [, instance] = resource('AWS::EC2::Instance')
  expect(Roles).toEqual([{ Ref: role }])
  expect(instance).toMatchObject({ IamInstanceProfile: { Ref: profile }, ImageId: { Ref: 'ImageId' } })
})

test('every reference resolves', () => {
  const names = [...Object.keys(template.Parameters), ...Object.keys(template.Resources)]
  const references = referencesIn(template.Resources)
  expect(references.length).toBeGreaterThan(4)
  expect(names).toEqual(expect.arrayContaining(references))
})
