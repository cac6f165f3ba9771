import type { Facts, KeyFile, Surroundings } from './facts.js'
import type { Finding, Remedy } from './findings.js'

/** The findings about what hides the role from other programs, and what blocks them; `fromInstanceRole()` ignores all of it. */
export function judgeSurroundings({ surroundings }: Facts): readonly Finding[] {
  return [judgeStaticKeys(surroundings), judgeOtherSources(surroundings), judgeProxy(surroundings)]
}

const KEYS_HINT =
  'Once nothing uses the keys, delete them in IAM, too. When each was used last: aws iam get-access-key-last-used --access-key-id <access-key-id>'

function judgeStaticKeys(surroundings: Surroundings): Finding {
  const { keyVariables, keyFile } = surroundings
  const check = 'static-keys'
  const facts = { variables: keyVariables.join(' '), file: keyFile?.path ?? '' }
  if (keyVariables.length > 0) {
    const also = keyFile === undefined ? '' : ` and in ${keyFile.path}`
    const message = `Access keys in the environment${also} hide the role: the AWS CLI and the SDKs' defaults use them instead.`
    const fix = `unset ${keyVariables.join(' ')}`
    return {
      check,
      verdict: 'warning',
      message,
      hint: `Remove the keys here, so that the role is used. ${KEYS_HINT}`,
      fix,
      facts,
    }
  }
  if (keyFile !== undefined) return judgeKeyFile(keyFile, surroundings.profile, facts)
  return { check, verdict: 'ok', message: withoutKeys(surroundings), facts }
}

function withoutKeys({ loneKeyVariable }: Surroundings): string {
  const message = 'No access keys in the environment or in the files of the AWS SDKs hide the role'
  const lone = `: ${String(loneKeyVariable)} is set without its other half, which the SDKs for JavaScript ignore`
  return `${message}${loneKeyVariable === undefined ? '' : lone}.`
}

function judgeKeyFile(keyFile: KeyFile, profile: string, facts: Finding['facts']): Finding {
  const { section, path } = keyFile
  const removal = removingKeys(keyFile, profile)
  const how =
    removal === undefined
      ? 'Delete the keys from the file, so that the role is used.'
      : `The command deletes the keys from the file, so that the role is used, and keeps the old file as ${path}.bak: delete that once all works.`
  return {
    check: 'static-keys',
    verdict: 'warning',
    message: `Access keys in [${section}] of ${path} hide the role: the AWS CLI and the SDKs' defaults use them instead.`,
    hint: `${how} ${KEYS_HINT}`,
    ...removal,
    facts,
  }
}

function judgeOtherSources({ otherSources }: Surroundings): Finding {
  const check = 'other-sources'
  const facts = { variables: otherSources.join(' ') }
  if (otherSources.length === 0) {
    return { check, verdict: 'ok', message: 'ECS and EKS give this process no role of its own.', facts }
  }
  return {
    check,
    verdict: 'warning',
    message: `ECS or EKS gives this process a role of its own (${otherSources.join(', ')}), which the SDKs' defaults use instead.`,
    hint: 'Leave `credentials` out of the clients to use the role of the task or pod; unset the variables to use that of the instance.',
    fix: `unset ${otherSources.join(' ')}`,
    facts,
  }
}

function judgeProxy({ proxyVariables, noProxyVariables, imdsHosts }: Surroundings): Finding {
  const check = 'proxy'
  const facts = { variables: proxyVariables.join(' '), noProxyVariables: noProxyVariables.join(' ') }
  if (proxyVariables.length === 0) {
    return { check, verdict: 'ok', message: 'No proxy stands between this process and IMDS.', facts }
  }
  const lacking =
    noProxyVariables.length === 0
      ? 'NO_PROXY is not set'
      : `${noProxyVariables.join(' and ')} does not list IMDS`
  return {
    check,
    verdict: 'warning',
    message: `A proxy is set (${proxyVariables.join(', ')}) and ${lacking}. This library does not use the proxy; other tools send it the metadata token and get credentials through it.`,
    hint: 'Exempt IMDS from the proxy.',
    fix: exempting(noProxyVariables, imdsHosts),
    facts,
  }
}

/** Extends each variable that is set, because a tool that reads one may ignore the other. */
function exempting(noProxyVariables: readonly string[], hosts: readonly string[]): string {
  const plain = hosts.filter((host) => /^[\w.:-]+$/.test(host))
  const list = [...new Set([...plain, '169.254.169.254', 'fd00:ec2::254'])].join(',')
  if (noProxyVariables.length === 0) return `export NO_PROXY="${list}"`
  return `export ${noProxyVariables.map((name) => `${name}="$${name},${list}"`).join(' ')}`
}

/** A name that needs quoting, in the shell or in a regular expression, is not put in a command. */
function removingKeys({ path, section }: KeyFile, profile: string): Remedy | undefined {
  if (!/^[\w ~/-]+$/.test(section) || !/^[\w~/.-]+$/.test(path)) return undefined
  const keys = '/^aws_(access_key_id|secret_access_key|session_token)/d'
  return {
    look: `aws configure list --profile ${/\s/.test(profile) ? `'${profile}'` : profile}`,
    fix: `sed -i.bak -E '/^\\[${section.replaceAll('/', '\\/')}\\]/,/^\\[/{${keys};}' ${path}`,
  }
}
