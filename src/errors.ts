import { keepName } from './runtime/keep-name.js'

/** What went wrong, as a closed set: every code has a section in `docs/errors.md`. */
export type InstanceRoleErrorCode =
  | 'IMDS_DISABLED_BY_ENV'
  | 'UNREACHABLE'
  | 'HOP_LIMIT'
  | 'IMDS_DISABLED'
  | 'NO_ROLE'
  | 'ROLE_NOT_FOUND'
  | 'ROLE_NOT_ASSUMABLE'
  | 'CREDENTIALS_NOT_ISSUED'
  | 'METADATA_ABSENT'
  | 'METADATA_NOT_TEXT'
  | 'TOKEN_REJECTED'
  | 'THROTTLED'
  | 'SERVER_ERROR'
  | 'UNEXPECTED_STATUS'
  | 'BAD_RESPONSE'
  | 'TIMEOUT'
  | 'BAD_CONFIG'
  | 'CLOSED'

/**
 * The request of a load that failed: `token` is `PUT /latest/api/token`, `role` is the listing
 * `GET /latest/meta-data/iam/security-credentials/`, `credentials` is `GET …/<role-name>`, `metadata` is any other path.
 */
export type LoadStep = 'token' | 'role' | 'credentials' | 'metadata'

interface Treatment {
  /** Whether another try within the same load can help. */
  readonly retryable: boolean
  /** Whether `createCredentialChain` goes on: yes where the role is absent, no where it is there but broken or unclear. */
  readonly tryNextLink: boolean
  /** Whether credentials past their expiration are still served (static stability): only where IMDS gave no verdict. */
  readonly extendsExpired: boolean
  /** Whether waiting may fix it by itself, so that `waitForRole` and `ready()` go on. */
  readonly mayPass: boolean
  /** What to do about it. */
  readonly hint: string
}

const absent = { retryable: false, tryNextLink: true, extendsExpired: false, mayPass: false }
const wrong = { retryable: false, tryNextLink: false, extendsExpired: false, mayPass: false }
const unclear = { retryable: true, tryNextLink: false, extendsExpired: true, mayPass: true }

/** The whole policy on failures, one row a code. */
export const TREATMENTS: Readonly<Record<InstanceRoleErrorCode, Treatment>> = {
  IMDS_DISABLED_BY_ENV: {
    ...absent,
    hint: 'Unset AWS_EC2_METADATA_DISABLED (or disable_ec2_metadata in the config file) where the instance role is to be used.',
  },
  UNREACHABLE: {
    ...unclear,
    tryNextLink: true,
    hint: 'Off EC2, use another credential source; on EC2, let the process reach the endpoint (firewall, network policy, route): curl -sS -m 2 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token',
  },
  HOP_LIMIT: {
    ...unclear,
    tryNextLink: true,
    mayPass: false,
    hint: 'Seen from a container, the hop limit of the instance is too low: aws ec2 modify-instance-metadata-options --instance-id <instance-id> --http-endpoint enabled --http-put-response-hop-limit 2 (or give the container a role of its own: ECS task role, EKS Pod Identity).',
  },
  IMDS_DISABLED: {
    ...absent,
    hint: 'Enable the metadata service of the instance: aws ec2 modify-instance-metadata-options --instance-id <instance-id> --http-endpoint enabled',
  },
  NO_ROLE: {
    ...absent,
    mayPass: true,
    hint: 'Attach an instance profile that holds a role: aws ec2 associate-iam-instance-profile --instance-id <instance-id> --iam-instance-profile Name=<profile-name>; if one is attached, put the role in it: aws iam add-role-to-instance-profile --instance-profile-name <profile-name> --role-name <role-name>',
  },
  ROLE_NOT_FOUND: {
    ...wrong,
    mayPass: true,
    hint: 'Leave `roleName` (AWS_EC2_INSTANCE_PROFILE_NAME) unset to use the role that is attached, or attach the one that is named. It is the name of the role, which can differ from that of its instance profile.',
  },
  ROLE_NOT_ASSUMABLE: {
    ...wrong,
    hint: 'Let the service ec2.amazonaws.com assume the role in its trust policy: aws iam update-assume-role-policy --role-name <role-name> --policy-document \'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}\'',
  },
  CREDENTIALS_NOT_ISSUED: {
    ...wrong,
    extendsExpired: true,
    mayPass: true,
    hint: 'Ask the instance itself why it has no credentials: TOKEN=$(curl -sX PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token) && curl -sH "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/iam/info',
  },
  METADATA_ABSENT: {
    ...wrong,
    hint: 'Not every instance has every item. To have its tags in the metadata: aws ec2 modify-instance-metadata-options --instance-id <instance-id> --instance-metadata-tags enabled',
  },
  METADATA_NOT_TEXT: {
    ...wrong,
    hint: 'Read user data that is not text, gzip for instance, with `userDataBytes()` of MetadataClient.',
  },
  TOKEN_REJECTED: {
    ...unclear,
    hint: 'Something between this process and IMDS drops or changes the header X-aws-ec2-metadata-token, or the endpoint is an emulator that forgets its tokens.',
  },
  THROTTLED: {
    ...unclear,
    hint: 'IMDS, DNS and NTP share 1,024 packets/s per network interface: look for what else asks (ethtool -S <interface> | grep linklocal_allowance_exceeded) and let clients share one provider.',
  },
  SERVER_ERROR: {
    ...unclear,
    hint: 'IMDS could not complete the request. If it lasts, look at the status checks of the instance.',
  },
  UNEXPECTED_STATUS: {
    ...wrong,
    hint: 'Make sure that the endpoint is IMDS and not a proxy, a redirect or another service: env | grep -i -e AWS_EC2_METADATA -e proxy',
  },
  BAD_RESPONSE: {
    ...unclear,
    hint: 'Make sure that the endpoint is IMDS and not a proxy or another service: env | grep -i -e AWS_EC2_METADATA -e proxy',
  },
  TIMEOUT: {
    ...unclear,
    hint: 'Raise `timeout` (AWS_METADATA_SERVICE_TIMEOUT, in seconds) or `deadline` where IMDS is known to be slow.',
  },
  BAD_CONFIG: { ...wrong, hint: 'Correct or remove the setting that the message names.' },
  CLOSED: {
    ...wrong,
    hint: 'Make a new provider with `fromInstanceRole()`: a closed one gives no credentials.',
  },
}

/** For a code that another version of this package has, and this one does not know. */
const UNKNOWN_CODE: Treatment = { ...wrong, hint: '' }

const treatments = new Map<string, Treatment>(Object.entries(TREATMENTS))

/** The row of a code, which another copy of this package may have made. */
export function treatmentOf(code: string): Treatment {
  return treatments.get(code) ?? UNKNOWN_CODE
}

/** How copies of this package know each other's errors. */
const BRAND = Symbol.for('instance-role.error')

/** Where each code is explained. */
const ERRORS_PAGE = 'https://github.com/instance-role/instance-role/blob/main/docs/errors.md'

/** What an {@link InstanceRoleError} knows besides its code and message. */
export interface InstanceRoleErrorDetails {
  /** The request that failed. */
  readonly step?: LoadStep | undefined
  /** HTTP status of the answer. */
  readonly statusCode?: number | undefined
  /**
   * Tries of the whole load, the first included.
   *
   * @default 0
   */
  readonly attempts?: number
  /**
   * Whether it ended because nothing came in time.
   *
   * @default false
   */
  readonly timedOut?: boolean
  /** How long IMDS asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined
  /**
   * Whether the next provider of a credential chain is to be tried.
   *
   * @default what the code says
   */
  readonly tryNextLink?: boolean | undefined
  /** What it comes from; no part of an answer. */
  readonly cause?: unknown
}

/**
 * The one error of this library. Its `code` says what happened, `step` where, `hint` what to do.
 *
 * Neither it nor its `cause` ever holds a key or a token. Of an answer of IMDS it tells the role's name, the status, and the `Code` of a
 * credentials document.
 */
export class InstanceRoleError extends Error {
  static {
    keepName(this, 'InstanceRoleError')
  }

  /** Always this, for code that tells errors apart by name. */
  override readonly name = 'InstanceRoleError'
  /** What went wrong. */
  readonly code: InstanceRoleErrorCode
  /** The request that failed; absent where none was made. */
  declare readonly step?: LoadStep
  /** What to do about it, with the exact command where there is one. */
  readonly hint: string
  /** HTTP status of the answer, where there was one. */
  declare readonly statusCode?: number
  /** Tries of the whole load, the first included; 0 where IMDS was not asked. */
  readonly attempts: number
  /** Whether the last try ended because nothing came in time. */
  readonly timedOut: boolean
  /** How long IMDS asked to wait (`Retry-After`). */
  declare readonly retryAfterMs?: number
  /** Read by the AWS SDK's credential chains: whether the next provider is to be tried. */
  readonly tryNextLink: boolean
  /** The page that explains the code. */
  readonly link: string

  /** Hint and link follow from the code. */
  constructor(code: InstanceRoleErrorCode, message: string, details: InstanceRoleErrorDetails = {}) {
    super(message, withCause(details.cause))
    // Not enumerable, so that it does not show.
    Object.defineProperty(this, BRAND, { value: true })
    this.code = code
    const { hint, tryNextLink } = treatmentOf(code)
    this.hint = hint
    this.tryNextLink = details.tryNextLink ?? tryNextLink
    this.link = `${ERRORS_PAGE}#${code.toLowerCase()}`
    this.attempts = details.attempts ?? 0
    this.timedOut = details.timedOut ?? false
    const { step, statusCode, retryAfterMs } = details
    // What is not known is left out, so that it does not show.
    if (step !== undefined) this.step = step
    if (statusCode !== undefined) this.statusCode = statusCode
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs
  }

  /** True of the errors of every copy of this package, ESM and CJS alike. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

function withCause(cause: unknown): ErrorOptions | undefined {
  return cause === undefined ? undefined : { cause }
}

/** The same failure anew, after `attempts` tries of the load. Outside the class, which would be built under another name. */
export function copyOf(error: InstanceRoleError, attempts: number = error.attempts): InstanceRoleError {
  const { code, message, cause } = error
  // With the words of the copy of this package that made it.
  return Object.assign(new InstanceRoleError(code, message, { cause }), error, { attempts })
}
