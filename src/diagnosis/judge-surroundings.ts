import type { Facts, Surroundings } from './facts.js'
import type { Finding } from './findings.js'
import { removingKeys } from './fixes.js'

/** Findings on what shadows the role and what stands in its way; `fromInstanceRole()` passes all of it by. */
export function judgeSurroundings({ surroundings }: Facts): readonly Finding[] {
  return [judgeStaticKeys(surroundings), judgeOtherSources(surroundings), judgeProxy(surroundings)]
}

function judgeStaticKeys({ keyVariables, keyFile }: Surroundings): Finding {
  const check = 'static-keys'
  const facts = { variables: keyVariables.join(' '), file: keyFile?.path ?? '' }
  const hint =
    'Use the role in place of access keys: delete them here, and in IAM: aws iam delete-access-key --access-key-id <access-key-id>'
  if (keyVariables.length > 0) {
    const also = keyFile === undefined ? '' : ` and by those in ${keyFile.path}`
    const message = `The role is shadowed by access keys in the environment${also}: the AWS CLI and the SDKs' defaults use those instead.`
    return { check, verdict: 'warning', message, hint, fix: `unset ${keyVariables.join(' ')}`, facts }
  }
  if (keyFile === undefined) {
    const message = 'No access keys in the environment or in the files of the AWS SDKs shadow the role.'
    return { check, verdict: 'ok', message, facts }
  }
  const fix = removingKeys(keyFile)
  const message = `The role is shadowed by access keys in [${keyFile.section}] of ${keyFile.path}: the AWS CLI and the SDKs' defaults use those instead.`
  return { check, verdict: 'warning', message, hint, ...(fix !== undefined && { fix }), facts }
}

function judgeOtherSources({ otherSources }: Surroundings): Finding {
  const check = 'other-sources'
  const facts = { variables: otherSources.join(' ') }
  if (otherSources.length === 0) {
    return { check, verdict: 'ok', message: 'No other role is given to this process by ECS or EKS.', facts }
  }
  return {
    check,
    verdict: 'warning',
    message: `This process is given a role of its own (${otherSources.join(', ')}), which the SDKs' defaults use instead.`,
    hint: 'Leave `credentials` out of the clients to use the role of the task or pod; unset the variables to use that of the instance.',
    fix: `unset ${otherSources.join(' ')}`,
    facts,
  }
}

function judgeProxy({ proxyVariables }: Surroundings): Finding {
  const check = 'proxy'
  const facts = { variables: proxyVariables.join(' ') }
  if (proxyVariables.length === 0) {
    return { check, verdict: 'ok', message: 'No proxy stands between this process and IMDS.', facts }
  }
  return {
    check,
    verdict: 'warning',
    message: `A proxy is set (${proxyVariables.join(', ')}) and IMDS is not exempt: this library goes past it, other tools send it the metadata token and get credentials through it.`,
    hint: 'Exempt IMDS from the proxy.',
    fix: 'export NO_PROXY="$NO_PROXY,169.254.169.254,fd00:ec2::254"',
    facts,
  }
}
