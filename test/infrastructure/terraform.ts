import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { requireOutcome } from './outcome.js'
import { compile, node, npm, run, writeBlock } from './workshop.js'

export const HCL_PARSER = '@cdktf/hcl2json@0.21.0'
/** Of it only some declarations are unpacked: they say what the provider takes. Whole, it is larger than the CDK. */
const PROVIDER = '@cdktf/provider-aws@21.22.1'

type Block = Readonly<Record<string, unknown>>
/** By type, then by name; one block of a name. */
type Blocks = Readonly<Record<string, Readonly<Record<string, readonly [Block]>>>>

interface Configuration {
  readonly resource: Blocks
  readonly data: Blocks
}

const PARSE = `
import { readFileSync } from 'node:fs'
import { parse } from '@cdktf/hcl2json'
console.log(JSON.stringify(await parse('instance.tf', readFileSync('instance.tf', 'utf8'))))
`

/** The configuration is parsed as Terraform does, its arguments are type-checked, and its references followed. */
export async function checkTerraform(at: string): Promise<void> {
  await writeBlock(at, 'instance.tf')
  await writeFile(join(at, 'parse.mjs'), PARSE)
  const configuration = JSON.parse(await node(at, 'parse.mjs')) as Configuration
  await checkArguments(at, configuration)
  followReferences(configuration)
}

function followReferences({ resource, data }: Configuration): void {
  const app = (type: string): Block => resource[type]?.['app']?.[0] ?? {}
  const trust = data['aws_iam_policy_document']?.['trust']?.[0]['statement'] as readonly Statement[]
  requireOutcome({
    trustPolicy: {
      Statement: trust.map(({ actions, principals }) => ({
        Effect: 'Allow',
        Action: actions,
        Principal: Object.fromEntries(principals.map(({ type, identifiers }) => [type, identifiers])),
      })),
    },
    isRoleInProfile:
      app('aws_iam_role')['assume_role_policy'] === '${data.aws_iam_policy_document.trust.json}' &&
      app('aws_iam_instance_profile')['role'] === '${aws_iam_role.app.name}',
    isProfileOnInstance:
      app('aws_instance')['iam_instance_profile'] === '${aws_iam_instance_profile.app.name}',
  })
}

interface Statement {
  readonly actions: readonly string[]
  readonly principals: readonly { readonly type: string; readonly identifiers: readonly string[] }[]
}

/** What the declarations take from the CDK for Terraform, which is not installed. */
const CDKTF = `
declare module 'cdktf' {
  export interface IResolvable { readonly creationStack: string[] }
  export interface TerraformMetaArguments { readonly count?: number }
}
`

/** An argument that the provider does not have, has of another type, or asks for, is a type error. */
async function checkArguments(at: string, { resource, data }: Configuration): Promise<void> {
  const tarball = (await npm(at, 'pack', PROVIDER, '--silent')).trim()
  const all = [
    ...Object.entries(resource).map(([type, named]) => ({ folder: folderOf(type), named })),
    ...Object.entries(data).map(([type, named]) => ({ folder: `data-aws-${folderOf(type)}`, named })),
  ]
  await mkdir(join(at, 'provider'))
  const wanted = all.map(({ folder }) => `package/lib/${folder}/index.d.ts`)
  await run(at, 'tar', ['-xzf', tarball, '-C', 'provider', '--strip-components=2', ...wanted])
  const checks = all.flatMap(({ folder, named }) => [
    `import type { ${configOf(folder)} } from './provider/${folder}/index.js'`,
    ...Object.entries(named).map(
      ([name, [block]]) =>
        `export const ${configOf(folder)}_${name}: ${configOf(folder)} = ${JSON.stringify(inCamelCase(block))}`,
    ),
  ])
  await writeFile(join(at, 'cdktf.d.ts'), CDKTF)
  await writeFile(join(at, 'arguments.ts'), checks.join('\n'))
  await compile(at, 'cdktf.d.ts', 'arguments.ts')
}

function folderOf(type: string): string {
  return type.replace(/^aws_/, '').replaceAll('_', '-')
}

function configOf(folder: string): string {
  return `${camelCase(`-${folder}`)}Config`
}

function camelCase(name: string): string {
  return name.replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Blocks that can be there once are lists of one in the parser's output, and objects in the declarations. */
const ONCE = new Set(['metadata_options'])

function inCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inCamelCase)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]: [string, unknown]) => [
      camelCase(name),
      inCamelCase(ONCE.has(name) && Array.isArray(inner) ? inner[0] : inner),
    ]),
  )
}
