import type { InstanceRoleError, InstanceRoleErrorCode } from '../errors.js'
import type { ImdsFacts } from './facts.js'
import type { Remedy } from './findings.js'

/** The right code, if a request without a token shows that the provider's code is wrong. */
export interface Mistaken extends Remedy {
  readonly code: InstanceRoleErrorCode
  readonly message: string
}

/** Returns what only a request without a token can show, or `undefined` if the provider's code is right. */
export function mistaken(error: InstanceRoleError, imds: ImdsFacts): Mistaken | undefined {
  if (error.code === 'HOP_LIMIT' && !imds.answersWithoutToken) return silentToAll(imds)
  const isEnabled = imds.v1 !== 'unknown'
  return error.code === 'IMDS_DISABLED' && error.step === 'token' && isEnabled ? forwarded(imds) : undefined
}

/** The hop limit stops only the response to the token request. */
function silentToAll({ endpoint, timeoutMs }: ImdsFacts): Mistaken {
  return {
    code: 'TIMEOUT',
    message: `Something at ${endpoint} accepts connections but answers nothing within ${timeoutMs} ms, neither the token request nor a request without a token. So the hop limit is not the cause.`,
    hint: 'Look for what accepts the connections in place of IMDS (a proxy, a firewall, a service mesh), or for an IMDS that hangs. IMDS itself answers this at once, with 200 or 401.',
    fix: `curl -sS -m 5 -o /dev/null -w '%{http_code}\\n' ${endpoint}/latest/meta-data/`,
  }
}

/** @see https://aws.amazon.com/blogs/security/defense-in-depth-open-firewalls-reverse-proxies-ssrf-vulnerabilities-ec2-instance-metadata-service/ */
function forwarded({ endpoint }: ImdsFacts): Mistaken {
  return {
    code: 'UNEXPECTED_STATUS',
    message: `IMDS at ${endpoint} refused the token request (403), although it is enabled: it answers a request without a token. IMDS refuses every token request that has the header X-Forwarded-For, which a transparent proxy adds.`,
    hint: 'Let traffic to IMDS go past the transparent proxy (a service mesh, an ingress, a firewall rule that redirects port 80).',
    fix: 'sudo iptables -t nat -S',
  }
}
