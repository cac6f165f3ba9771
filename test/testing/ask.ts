import type { EmulatedInstance, Outcome, Reply } from '../../src/testing/index.js'

const TOKEN_PATH = '/latest/api/token'
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds'

type Headers = Readonly<Record<string, string>>

/** The outcome of one request. */
export function outcomeOf(
  instance: EmulatedInstance,
  method: string,
  path: string,
  headers: Headers = {},
): Outcome {
  return instance.answer({ method, path, headers })
}

/** The reply to one request, just as it is made. */
export function ask(instance: EmulatedInstance, method: string, path: string, headers: Headers = {}): Reply {
  const outcome = outcomeOf(instance, method, path, headers)
  if (outcome.kind !== 'reply') throw new Error(`${method} ${path} met ${outcome.kind}`)
  return outcome.reply
}

export function askForToken(instance: EmulatedInstance, ttlSeconds: number | string = 21_600): Reply {
  return ask(instance, 'PUT', TOKEN_PATH, { [TTL_HEADER]: String(ttlSeconds) })
}

/** The reply to a GET with a fresh token, below `/latest/meta-data/`. */
export function get(instance: EmulatedInstance, path: string): Reply {
  const { body } = askForToken(instance)
  return ask(instance, 'GET', `/latest/meta-data/${path}`, { 'X-aws-ec2-metadata-token': body })
}

/** The credentials document of a role, as data. */
export function credentialsDocument(instance: EmulatedInstance, roleName = 'app-role'): unknown {
  return JSON.parse(get(instance, `iam/security-credentials/${roleName}`).body)
}
