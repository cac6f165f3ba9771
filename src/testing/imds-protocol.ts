import { type MetadataTokens, parseTtlSeconds } from './metadata-tokens.js'
import { type Reply, errorPage, textReply } from './reply.js'

/** A request to the emulated IMDS. */
export interface EmulatedRequest {
  /** The HTTP method: `GET`, `PUT`. */
  readonly method: string
  /** The path, from the first slash. A query is ignored. */
  readonly path: string
  /** Header values by name, in any case. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Number of routers between the client and the instance: 1 for a container behind a bridge.
   *
   * @default the instance's own `hopsAway`
   */
  readonly hopsAway?: number
}

/** The facts about the instance that the protocol needs for a request. */
export interface ProtocolFacts {
  readonly now: number
  readonly metadataEnabled: boolean
  readonly httpTokens: 'required' | 'optional'
  readonly tokenTtlCap: number
  readonly tokens: MetadataTokens
  /** Returns the text at a path, or `undefined` if there is none. */
  readonly lookUp: (path: string) => string | undefined
  readonly lastModifiedAt: number
}

/** The path that issues metadata tokens, for a PUT. */
export const TOKEN_PATH = '/latest/api/token'
const TOKEN_HEADER = 'x-aws-ec2-metadata-token'
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds'

/**
 * Returns the reply of IMDS.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
export function imdsReply(request: EmulatedRequest, facts: ProtocolFacts): Reply {
  const headers = lowerCased(request.headers)
  if (!facts.metadataEnabled) return errorPage(403)
  if (request.path === TOKEN_PATH) return tokenReply(request.method, headers, facts)
  if (request.method !== 'GET' && request.method !== 'HEAD') return errorPage(405)
  return dataReply(request, headers, facts)
}

/** Returns the reply with the headers that every response of IMDS has. */
export function withCommonHeaders(reply: Reply, now: number): Reply {
  const common = {
    server: 'EC2ws',
    connection: 'close',
    date: new Date(now).toUTCString(),
    'content-length': String(Buffer.byteLength(reply.body)),
  }
  return { ...reply, headers: { ...common, ...reply.headers } }
}

function tokenReply(method: string, headers: Readonly<Record<string, string>>, facts: ProtocolFacts): Reply {
  if (method !== 'PUT')
    return { ...errorPage(405), headers: { 'content-type': 'text/html', allow: 'OPTIONS, PUT' } }
  if (headers['x-forwarded-for'] !== undefined) return errorPage(403)
  const ttlSeconds = parseTtlSeconds(headers[TTL_HEADER])
  if (ttlSeconds === undefined) return errorPage(400)
  const granted = Math.min(ttlSeconds, facts.tokenTtlCap)
  return textReply(facts.tokens.issue(granted, facts.now), { [TTL_HEADER]: String(granted) })
}

function dataReply(
  request: EmulatedRequest,
  headers: Readonly<Record<string, string>>,
  facts: ProtocolFacts,
): Reply {
  const token = headers[TOKEN_HEADER]
  const secondsLeft = token === undefined ? undefined : facts.tokens.secondsLeft(token, facts.now)
  if (secondsLeft === undefined && (token !== undefined || facts.httpTokens === 'required'))
    return errorPage(401)
  const text = facts.lookUp(request.path)
  if (text === undefined) return errorPage(404)
  const reply = textReply(request.method === 'HEAD' ? '' : text, {
    'last-modified': new Date(facts.lastModifiedAt).toUTCString(),
    ...(secondsLeft !== undefined && { [TTL_HEADER]: String(secondsLeft) }),
  })
  return reply
}

function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
