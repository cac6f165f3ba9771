import type { InstanceOptions } from '../testing/index.js'
import { UsageError } from './command.js'
import { quoted } from './flag-values.js'

/** The facts about an instance that other metadata are derived from, such as the identity document. */
type Facts = Pick<
  InstanceOptions,
  'region' | 'availabilityZone' | 'instanceId' | 'instanceType' | 'imageId' | 'privateIp' | 'mac'
>

const FACT_AT: Readonly<Record<string, keyof Facts>> = {
  'placement/region': 'region',
  'placement/availability-zone': 'availabilityZone',
  'instance-id': 'instanceId',
  'instance-type': 'instanceType',
  'ami-id': 'imageId',
  'local-ipv4': 'privateIp',
  mac: 'mac',
}

/** The metadata that `--metadata` sets. */
export interface GivenMetadata {
  readonly facts: Facts
  /** Texts by path: below `/latest/meta-data/`, or a whole path below `/latest/`. */
  readonly texts: readonly (readonly [path: string, text: string])[]
}

/**
 * Parse the values of `--metadata`, each a `PATH=VALUE`.
 *
 * @throws {UsageError} that names the flag and its value
 */
export function parseMetadata(values: readonly string[]): GivenMetadata {
  const given = values.map(parseOne)
  const facts: { -readonly [Name in keyof Facts]: string } = {}
  for (const [path, text] of given) {
    const fact = factAt(path)
    if (fact !== undefined) facts[fact] = text
  }
  return { facts, texts: given.filter(([path]) => factAt(path) === undefined) }
}

function factAt(path: string): keyof Facts | undefined {
  return Object.hasOwn(FACT_AT, path) ? FACT_AT[path] : undefined
}

const EXAMPLE = 'placement/region=eu-west-1'

function parseOne(value: string): readonly [string, string] {
  const at = value.indexOf('=')
  if (at === -1) throw refusal(value, `it must be <path>=<value>, such as ${EXAMPLE}`)
  const path = value.slice(0, at).replace(/^\/latest\/meta-data\//, '')
  if (isPath(path)) return [path, value.slice(at + 1)]
  throw refusal(
    value,
    `the path must be below /latest/meta-data/, such as ${EXAMPLE}, or begin with /latest/`,
  )
}

function isPath(path: string): boolean {
  const below = path.startsWith('/') ? /^\/latest\/(.*)$/s.exec(path)?.[1] : path
  return below !== undefined && !/\p{C}/u.test(below) && !below.split('/').includes('')
}

function refusal(value: string, reason: string): UsageError {
  return new UsageError(`--metadata ${quoted(value)}: ${reason}`)
}
