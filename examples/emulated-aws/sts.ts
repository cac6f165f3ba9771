import { randomBytes, randomUUID } from 'node:crypto'
import {
  type Answer,
  type ErrorReport,
  type ErrorReports,
  escapeXml,
  MISMATCHED,
  type Service,
  SKEWED,
} from './service.js'
import type { IssuedCredentials } from './verdict.js'

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
const REPORTS: ErrorReports = {
  unsigned: {
    status: 403,
    code: 'MissingAuthenticationToken',
    message: 'Request is missing Authentication Token',
  },
  'unknown-key': {
    status: 403,
    code: 'InvalidClientTokenId',
    message: 'The security token included in the request is invalid.',
  },
  'wrong-token': {
    status: 403,
    code: 'InvalidClientTokenId',
    message: 'The security token included in the request is invalid.',
  },
  expired: {
    status: 403,
    code: 'ExpiredToken',
    message: 'The security token included in the request is expired',
  },
  'url-expired': { status: 403, code: 'SignatureDoesNotMatch', message: SKEWED },
  'clock-skewed': { status: 403, code: 'SignatureDoesNotMatch', message: SKEWED },
  'wrong-signature': { status: 403, code: 'SignatureDoesNotMatch', message: MISMATCHED },
}

const BAD_ROLE_ARN: ErrorReport = {
  status: 400,
  code: 'ValidationError',
  message: 'RoleArn is not a role ARN.',
}

const INVALID_ACTION: ErrorReport = { status: 400, code: 'InvalidAction', message: 'Not played here.' }

export interface Sts extends Service {
  /** Finds the credentials that `AssumeRole` issued, by access key. */
  findIssued(accessKeyId: string): IssuedCredentials | undefined
}

/** `GetCallerIdentity`, and `AssumeRole` for any role. */
export function createSts(now: () => number): Sts {
  const issued = new Map<string, IssuedCredentials>()
  return {
    findIssued: (accessKeyId) => issued.get(accessKeyId),
    operationOf: ({ body }) => new URLSearchParams(body.toString()).get('Action') ?? 'Unknown',
    answer: (operation, { body }, caller) => {
      if (operation === 'GetCallerIdentity') return callerIdentity(caller)
      if (operation !== 'AssumeRole') return report(INVALID_ACTION)
      const set = issue(new URLSearchParams(body.toString()), now())
      if (set === undefined) return report(BAD_ROLE_ARN)
      const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
      issued.set(accessKeyId, set)
      return assumedRole(accessKeyId, set)
    },
    refuse: (refusal) => report(REPORTS[refusal]),
  }
}

function issue(parameters: URLSearchParams, now: number): IssuedCredentials | undefined {
  const [, accountId, roleName] =
    /^arn:aws:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(parameters.get('RoleArn') ?? '') ?? []
  if (accountId === undefined || roleName === undefined) return undefined
  const durationSeconds = Number(parameters.get('DurationSeconds') ?? 3_600)
  return {
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: randomBytes(96).toString('base64'),
    expiration: new Date(now + durationSeconds * 1_000),
    roleName,
    accountId,
  }
}

function callerIdentity(caller: IssuedCredentials): Answer {
  return answer(
    'GetCallerIdentity',
    `<Arn>${assumedRoleArn(caller)}</Arn><UserId>AROAEXAMPLE:session</UserId><Account>${caller.accountId}</Account>`,
  )
}

function assumedRole(accessKeyId: string, set: IssuedCredentials): Answer {
  const credentials = [
    `<AccessKeyId>${accessKeyId}</AccessKeyId>`,
    `<SecretAccessKey>${set.secretAccessKey}</SecretAccessKey>`,
    `<SessionToken>${set.sessionToken}</SessionToken>`,
    `<Expiration>${set.expiration.toISOString()}</Expiration>`,
  ].join('')
  const user = `<Arn>${assumedRoleArn(set)}</Arn><AssumedRoleId>AROAEXAMPLE:session</AssumedRoleId>`
  return answer(
    'AssumeRole',
    `<Credentials>${credentials}</Credentials><AssumedRoleUser>${user}</AssumedRoleUser>`,
  )
}

function assumedRoleArn({ accountId, roleName }: IssuedCredentials): string {
  return `arn:aws:sts::${accountId}:assumed-role/${escapeXml(roleName)}/session`
}

function answer(operation: string, result: string): Answer {
  const metadata = `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`
  const body = `<${operation}Result>${result}</${operation}Result>${metadata}`
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<${operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${body}</${operation}Response>`,
  }
}

function report({ status, code, message }: ErrorReport): Answer {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse>${error}<RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
  }
}
