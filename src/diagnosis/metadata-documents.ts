import { parseIdentityDocument } from '../metadata/instance-metadata.js'
import { parseFields } from '../runtime/json-fields.js'
import type { ImdsFacts, InstanceProfileFacts } from './facts.js'

/** Parse the body of `GET /latest/meta-data/iam/info`. Returns `undefined` if it names no instance profile. */
export function parseInstanceProfile(body: string): InstanceProfileFacts | undefined {
  const fields = parseFields(body)
  const arn = fields?.text('InstanceProfileArn') ?? ''
  const name = /:instance-profile\/(?:.*\/)?([\w+=,.@-]{1,128})$/.exec(arn)?.[1]
  if (fields === undefined || name === undefined) return undefined
  const code = fields.text('Code')
  return {
    name,
    code: /^\w{1,64}$/.test(code) ? code : undefined,
    lastUpdatedAt: instant(fields.text('LastUpdated')),
  }
}

/** The facts in the identity document. */
export type IdentityFacts = Pick<ImdsFacts, 'region' | 'instanceId' | 'launchedAt'>

/** Parse the body of `GET /latest/dynamic/instance-identity/document`. Returns `undefined` if it is not such a document. */
export function parseIdentity(body: string): IdentityFacts | undefined {
  try {
    const { region, instanceId, pendingTime = '' } = parseIdentityDocument(body)
    return {
      region: parseRegion(region),
      instanceId: parseInstanceId(instanceId),
      launchedAt: instant(pendingTime),
    }
  } catch {
    return undefined
  }
}

/** Parse the body of `GET /latest/meta-data/placement/region`. */
export function parseRegion(body: string): string | undefined {
  return /^[a-z]{2}(-[a-z]+)+-\d+$/.exec(body.trim())?.[0]
}

/** Parse the ID of an instance. Returns `undefined` for anything else: a firmware's asset tag can be any text. */
export function parseInstanceId(tag: string): string | undefined {
  return /^i-[0-9a-f]{8,32}$/.exec(tag.trim())?.[0]
}

function instant(iso: string): number | undefined {
  const at = Date.parse(iso)
  return Number.isNaN(at) ? undefined : at
}
