import { keepName } from './runtime/keep-name.js'
import { oneLine } from './runtime/plain-text.js'

/** What went wrong, as a closed set: every code has a section in `docs/errors.md`. */
export type InstanceRoleErrorCode =
  /** no connection to IMDS: not on EC2, or a firewall */
  | 'UNREACHABLE'
  /** connected, but the token request was never answered: a container behind hop limit 1 */
  | 'HOP_LIMIT'
  /** the metadata service of the instance is disabled (403) */
  | 'IMDS_DISABLED'
  /** `AWS_EC2_METADATA_DISABLED` or `disable_ec2_metadata` is true */
  | 'IMDS_DISABLED_BY_ENV'
  /** no instance profile is attached, or one without a role */
  | 'NO_ROLE'
  /** `roleName` names a role that IMDS does not have */
  | 'ROLE_NOT_FOUND'
  /** the role's trust policy does not let `ec2.amazonaws.com` assume it */
  | 'ROLE_NOT_ASSUMABLE'
  /** IMDS has the role, and says that it has no credentials for it */
  | 'CREDENTIALS_NOT_ISSUED'
  /** IMDS has nothing at the path that was read (404) */
  | 'METADATA_ABSENT'
  /** what was read as text is something else, gzip for instance */
  | 'METADATA_NOT_TEXT'
  /** IMDS refused a fresh metadata token (401) */
  | 'TOKEN_REJECTED'
  /** IMDS answered with 429 */
  | 'THROTTLED'
  /** IMDS answered with 500 to 599 */
  | 'SERVER_ERROR'
  /** 400, 405, a redirect: not IMDS */
  | 'UNEXPECTED_STATUS'
  /** an answer that is broken, too large, or lacks a field, which is named */
  | 'BAD_RESPONSE'
  /** no answer in time; says for how long the event loop was blocked, where it was */
  | 'TIMEOUT'
  /** a malformed option, variable or config file key, which is named */
  | 'BAD_CONFIG'
  /** the provider was closed */
  | 'CLOSED'

/**
 * The request of a load that failed: `token` is `PUT /latest/api/token`, `role` is the listing
 * `GET /latest/meta-data/iam/security-credentials/`, `credentials` is `GET …/<role-name>`, `metadata` is any other path.
 */
export type LoadStep = 'token' | 'role' | 'credentials' | 'metadata'

/** What to do about an error. Names in angle brackets are filled in where they are known. */
export interface ErrorHint {
  /** In words, without the full stop: the command follows where there is one. */
  readonly text: string
  /** Shows what `command` replaces or deletes: to be run first. */
  readonly look?: string
  /** The exact command. Left out where a `<variable>` or an `<address>` in it is not known. */
  readonly command?: string
}

/** The names that a command is about, as far as they are known. */
export interface ErrorNames {
  /** Base URL of the IMDS that was asked. */
  readonly endpoint?: string | undefined
  /** Of the instance. */
  readonly region?: string | undefined
  /** Of the instance. */
  readonly instanceId?: string | undefined
  /** Of the instance profile that is attached. */
  readonly profileName?: string | undefined
  /** The role that IMDS lists. */
  readonly roleName?: string | undefined
  /** The environment variable that has the wrong value. */
  readonly variable?: string | undefined
}

interface Treatment {
  /** Whether another try within the same load can help. */
  readonly retryable: boolean
  /** Whether `createCredentialChain` goes on: yes where the role is absent, no where it is there but broken or unclear. */
  readonly tryNextLink: boolean
  /** Whether credentials past their expiration are still served (static stability): only where IMDS gave no verdict. */
  readonly extendsExpired: boolean
  /** Whether waiting may fix it by itself, so that `waitForRole` and `ready()` go on. */
  readonly mayPass: boolean
  /** What to do about it, unless the error knows better: one of {@link HINTS}. */
  readonly hint: ErrorHint
}

const absent = { retryable: false, tryNextLink: true, extendsExpired: false, mayPass: false }
const wrong = { retryable: false, tryNextLink: false, extendsExpired: false, mayPass: false }
const unclear = { retryable: true, tryNextLink: false, extendsExpired: true, mayPass: true }

const ASK_FOR_TOKEN =
  'curl -sS -m 2 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" <endpoint>/latest/api/token'
const MODIFY_OPTIONS = 'aws ec2 modify-instance-metadata-options --instance-id <instance-id>'
/** Shows whether requests to IMDS were dropped. */
export const COUNT_DROPPED = 'ethtool -S <interface> | grep linklocal_allowance_exceeded'
/** Shows the trust policy of a role. */
export const SHOW_TRUST_POLICY =
  'aws iam get-role --role-name <role-name> --query Role.AssumeRolePolicyDocument'
/** Shows what leads requests astray. */
const SHOW_PROXIES = 'env | grep -i -e AWS_EC2_METADATA -e proxy'
const UNSET = 'unset <variable>'

/** The whole policy on failures, one row a code. */
export const TREATMENTS: Readonly<Record<InstanceRoleErrorCode, Treatment>> = {
  IMDS_DISABLED_BY_ENV: {
    ...absent,
    hint: { text: 'Remove that setting where the instance role is to be used', command: UNSET },
  },
  UNREACHABLE: {
    ...unclear,
    tryNextLink: true,
    hint: {
      text: 'Off EC2, use another credential source. On EC2, let this process reach IMDS (firewall, network policy, route), and see whether it gives a token',
      command: ASK_FOR_TOKEN,
    },
  },
  HOP_LIMIT: {
    ...unclear,
    tryNextLink: true,
    mayPass: false,
    hint: {
      text: 'Give the container a role of its own (ECS task role, EKS Pod Identity), or raise the hop limit of the instance',
      command: `${MODIFY_OPTIONS} --http-endpoint enabled --http-put-response-hop-limit 2`,
    },
  },
  IMDS_DISABLED: {
    ...absent,
    hint: {
      text: 'Enable the metadata service of the instance',
      command: `${MODIFY_OPTIONS} --http-endpoint enabled`,
    },
  },
  NO_ROLE: {
    ...absent,
    mayPass: true,
    hint: {
      text: 'Attach an instance profile that holds a role',
      command:
        'aws ec2 associate-iam-instance-profile --instance-id <instance-id> --iam-instance-profile Name=<profile-name>',
    },
  },
  ROLE_NOT_FOUND: {
    ...wrong,
    mayPass: true,
    hint: {
      text: 'The name of a role can differ from that of its instance profile. Correct `roleName`, or leave it out to use the role that is attached',
      command: UNSET,
    },
  },
  ROLE_NOT_ASSUMABLE: {
    ...wrong,
    hint: {
      text: 'Let the service ec2.amazonaws.com assume the role. The command REPLACES the whole trust policy, so add to it what the policy allows others',
      look: SHOW_TRUST_POLICY,
      command:
        'aws iam update-assume-role-policy --role-name <role-name> --policy-document \'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}\'',
    },
  },
  CREDENTIALS_NOT_ISSUED: {
    ...wrong,
    extendsExpired: true,
    mayPass: true,
    hint: {
      text: 'Ask the instance itself why it has no credentials',
      command:
        'TOKEN=$(curl -sX PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" <endpoint>/latest/api/token) && curl -sH "X-aws-ec2-metadata-token: $TOKEN" <endpoint>/latest/meta-data/iam/info',
    },
  },
  METADATA_ABSENT: { ...wrong, hint: { text: 'Not every instance has every item' } },
  METADATA_NOT_TEXT: {
    ...wrong,
    hint: {
      text: 'Read user data that is not text, gzip for instance, with `userDataBytes()` of MetadataClient',
    },
  },
  TOKEN_REJECTED: {
    ...unclear,
    hint: {
      text: 'Look for what drops or changes the header X-aws-ec2-metadata-token on the way to IMDS, or for an emulator that forgets its tokens',
      command: SHOW_PROXIES,
    },
  },
  THROTTLED: {
    ...unclear,
    hint: {
      text: 'IMDS, DNS and NTP share 1,024 packets/s per network interface. Let clients share one provider, and look for what else asks',
      command: COUNT_DROPPED,
    },
  },
  SERVER_ERROR: {
    ...unclear,
    hint: {
      text: 'IMDS could not complete the request. If that lasts, look at the status checks of the instance',
      command: 'aws ec2 describe-instance-status --instance-ids <instance-id>',
    },
  },
  UNEXPECTED_STATUS: {
    ...wrong,
    hint: {
      text: 'Make sure that <endpoint> is IMDS and not a proxy, a redirect or another service',
      command: SHOW_PROXIES,
    },
  },
  BAD_RESPONSE: {
    ...unclear,
    hint: {
      text: 'Make sure that <endpoint> is IMDS and not a proxy or another service',
      command: SHOW_PROXIES,
    },
  },
  TIMEOUT: {
    ...unclear,
    hint: {
      text: 'Where IMDS is known to be slow, raise `timeout` or `deadline`; the variable is in seconds',
      command: 'export AWS_METADATA_SERVICE_TIMEOUT=5',
    },
  },
  BAD_CONFIG: { ...wrong, hint: { text: 'Correct or remove that setting', command: UNSET } },
  CLOSED: { ...wrong, hint: { text: 'Make a new provider with `fromInstanceRole()`' } },
}

type Remark =
  | 'emptyProfile'
  | 'noRoute'
  | 'ipv4'
  | 'ipv6'
  | 'tags'
  | 'openFiles'
  | 'unreadFiles'
  | 'noHome'
  | 'brokenInstall'
  | 'notCalled'
  | 'dispatcher'

/** What to do where more is known than the code. */
export const HINTS: Readonly<Record<Remark, ErrorHint>> = {
  emptyProfile: {
    text: 'Put the role in the instance profile',
    command:
      'aws iam add-role-to-instance-profile --instance-profile-name <profile-name> --role-name <role-name>',
  },
  /** @see https://man7.org/linux/man-pages/man8/systemd-imdsd@.service.8.html (`systemd.imds.network=locked`) */
  noRoute: {
    text: 'Off EC2, use another credential source. On EC2, this host has no route to IMDS, or a route or firewall rule forbids it: systemd-imdsd adds such a route unless the kernel is started with systemd.imds.network=unlocked. Look for "prohibit", "blackhole" or "unreachable" in the route',
    command: 'ip route get <address>',
  },
  ipv4: {
    text: 'Use the address of IMDS that answers',
    command: 'export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv4',
  },
  ipv6: {
    text: 'Use the address of IMDS that answers',
    command: 'export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6',
  },
  tags: {
    text: 'Let the instance show its tags in the metadata',
    command: `${MODIFY_OPTIONS} --instance-metadata-tags enabled`,
  },
  openFiles: {
    text: 'Raise the limit of open files, or look for what leaves them open',
    command: 'ulimit -n',
  },
  unreadFiles: {
    text: 'Let AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name files that can be read, or /dev/null',
  },
  noHome: { text: 'Set HOME' },
  brokenInstall: { text: 'Install what the program depends on anew', command: 'npm ls @smithy/core' },
  notCalled: { text: 'Call it: `credentials: fromInstanceRole()`' },
  dispatcher: { text: 'Give a dispatcher that is open, or leave the option out' },
}

const NO_REMEDY: ErrorHint = { text: '' }

/** For a code that another version of this package has, and this one does not know. */
const UNKNOWN_CODE: Treatment = { ...wrong, hint: NO_REMEDY }

const treatments = new Map<string, Treatment>(Object.entries(TREATMENTS))

/** The row of a code, which another copy of this package may have made. */
export function treatmentOf(code: string): Treatment {
  return treatments.get(code) ?? UNKNOWN_CODE
}

/** How copies of this package know each other's errors. */
const BRAND = Symbol.for('instance-role.error')

/** Where each code is explained. */
const ERRORS_PAGE = 'https://github.com/instance-role/instance-role/blob/main/docs/errors.md'

/** The page that explains a code. */
export function linkTo(code: string): string {
  return `${ERRORS_PAGE}#${code.toLowerCase()}`
}

/** What an {@link InstanceRoleError} knows besides its code and what happened. */
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
  /** The `Message` of IMDS, as it may be quoted. */
  readonly said?: string | undefined
  /**
   * What to do about it.
   *
   * @default what the code says
   */
  readonly remedy?: ErrorHint | undefined
  /** What is filled into it. */
  readonly names?: ErrorNames | undefined
}

/** What an error is made of; the message is all of it in one line. */
interface Account {
  readonly what: string
  readonly said: string | undefined
  readonly remedy: ErrorHint
  readonly names: ErrorNames
}

/** Of the errors that this copy of the package has made. Not their members: nobody is shown what stands in the message already. */
const accounts = new WeakMap<object, Account>()

/** What an error tells, part by part; the names are filled in. */
export interface Telling {
  /** What happened, and what IMDS says of it. */
  readonly what: string
  /** What to do, in words. */
  readonly text: string
  /** The command to run before `fix`, which shows what that replaces. */
  readonly look: string | undefined
  readonly fix: string | undefined
}

function tell({ what, said, remedy, names }: Account): Telling {
  const { text, look, command } = remedy
  return {
    what: said === undefined ? what : `${what} IMDS: "${said}".`,
    text: fill(text, names),
    look: look && fill(look, names),
    fix: command && fillCommand(command, names),
  }
}

/** The parts of an error, with `names` besides those that it knows itself. */
export function tellingOf(error: InstanceRoleError, names: ErrorNames = {}): Telling {
  const account = accounts.get(error)
  if (account !== undefined) return tell({ ...account, names: mergeNames(names, account.names) })
  return { what: error.message, text: error.hint.replace(/\.$/, ''), look: undefined, fix: error.fix }
}

/** Those of `better` where both know one. */
function mergeNames(names: ErrorNames, better: ErrorNames): ErrorNames {
  return { ...names, ...Object.fromEntries(Object.entries(better).filter(([, name]) => name !== undefined)) }
}

/** Only what needs no quoting in a shell is put in a command. */
const UNQUOTED = /^[\w.:/@+=,[\]-]+$/

/** `template` with the names that are known. */
export function fill(template: string, names: ErrorNames): string {
  const { endpoint, region } = names
  const values = new Map<string, string | undefined>([
    ['endpoint', endpoint],
    ['address', addressIn(endpoint)],
    ['instance-id', names.instanceId],
    ['profile-name', names.profileName],
    ['role-name', names.roleName],
    ['variable', names.variable],
  ])
  const filled = template.replace(/<([a-z-]+)>/g, (placeholder, word: string) => {
    const value = values.get(word) ?? ''
    return UNQUOTED.test(value) ? value : placeholder
  })
  return region === undefined ? filled : filled.replace(/\baws ec2 [a-z-]+/g, `$& --region ${region}`)
}

/** Of no use while they are not known. */
const INDISPENSABLE = /<(variable|address)>/

function fillCommand(command: string, names: ErrorNames): string | undefined {
  const filled = fill(command, names)
  return INDISPENSABLE.test(filled) ? undefined : filled
}

/** Only an address has a route; IMDS is rarely named. */
function addressIn(endpoint = ''): string | undefined {
  return /^https?:\/\/\[?([\d.]+|[\da-f:]+)\]?(:\d+)?$/.exec(endpoint)?.[1]
}

/** All of an error in one line: log lines, `String(error)` and the chains of the AWS SDK show nothing else. */
function messageOf({ what, text, look, fix }: Telling, link: string): string {
  if (text === '') return oneLine(`${what} ${link}`)
  const remedy = look === undefined ? text : `${text} (look first: ${look})`
  return oneLine(`${what} ${remedy}${fix === undefined ? '.' : `: ${fix}`} ${link}`)
}

/**
 * The one error of this library. Its `code` says what happened, `step` where. Its message is one line that says what happened, what to
 * do about it, with the exact command where there is one, and the link to the page that explains the code.
 *
 * Neither it nor its `cause` ever holds a key or a token. Of an answer of IMDS it tells the role's name, the status, and the `Code` and
 * `Message` of a credentials document without credentials.
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
  /** What to do about it, in words. Not enumerable, as `fix` and `link`: the message has all three. */
  declare readonly hint: string
  /** The command that fixes it, or shows more where nothing fixes it from here; `<placeholders>` stand for names that are not known. */
  declare readonly fix: string | undefined
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
  declare readonly link: string

  /** `what` is a sentence; hint and link, which follow it in the message, follow from the code unless `details` say more. */
  constructor(code: InstanceRoleErrorCode, what: string, details: InstanceRoleErrorDetails = {}) {
    const treatment = treatmentOf(code)
    const { said, remedy = treatment.hint, names = {} } = details
    const account = { what, said, remedy, names }
    const telling = tell(account)
    const link = linkTo(code)
    super(messageOf(telling, link), withCause(details.cause))
    accounts.set(this, account)
    const { text, look, fix } = telling
    hide(this, { [BRAND]: true, hint: hintText(text, look), fix, link })
    this.code = code
    this.tryNextLink = details.tryNextLink ?? treatment.tryNextLink
    this.attempts = details.attempts ?? 0
    this.timedOut = details.timedOut ?? false
    assignKnown(this, details)
    // Anew, with the name, which the first one was taken without.
    beginStackAt(new.target, this)
  }

  /** True of the errors of every copy of this package, ESM and CJS alike. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** What is not known is left out, so that it does not show. */
function assignKnown(
  error: InstanceRoleError,
  { step, statusCode, retryAfterMs }: InstanceRoleErrorDetails,
): void {
  const members = Object.entries({ step, statusCode, retryAfterMs })
  Object.assign(error, Object.fromEntries(members.filter(([, value]) => value !== undefined)))
}

function withCause(cause: unknown): ErrorOptions | undefined {
  return cause === undefined ? undefined : { cause }
}

function hintText(text: string, look: string | undefined): string {
  if (text === '') return ''
  return look === undefined ? `${text}.` : `${text} (look first: ${look}).`
}

/** Not enumerable: `console.error` and loggers show the message and enumerable members. Like those of any error, they can be written to. */
function hide(error: InstanceRoleError, members: Readonly<Record<PropertyKey, unknown>>): void {
  for (const key of Reflect.ownKeys(members))
    Object.defineProperty(error, key, { value: members[key], writable: true, configurable: true })
}

/** Has the stack of an error of ours begin at the caller of `called`; any other one stays as it is. */
export function beginStackAt<T>(called: Called, error: T): T {
  if (error instanceof InstanceRoleError) Error.captureStackTrace(error, called)
  return error
}

/** One of our functions or classes. */
export type Called = ((...args: never[]) => unknown) | (new (...args: never[]) => unknown)

/** What a copy has of its own. */
export interface CopyOptions {
  /** Tries of the load. */
  readonly attempts?: number
  /** Besides those that the error knows itself. */
  readonly names?: ErrorNames
  /** What happened, in other words. */
  readonly what?: string | undefined
  /** More of what happened: a sentence. */
  readonly also?: string | undefined
  /** What to do instead. */
  readonly remedy?: ErrorHint | undefined
}

/** The same failure anew. Outside the class, which would be built under another name. */
export function copyOf(error: InstanceRoleError, options: CopyOptions = {}): InstanceRoleError {
  const { code, message, cause, hint, fix, link } = error
  const account = accounts.get(error)
  const known = account ?? { what: message, said: undefined, remedy: NO_REMEDY, names: {} }
  const details = { ...amended(known, options), cause }
  const copy = new InstanceRoleError(code, details.what, details)
  // What another copy of this package says is passed on in its words.
  if (account === undefined) {
    hide(copy, { message, hint, fix, link })
    accounts.delete(copy)
  }
  return beginStackAt(copyOf, Object.assign(copy, error, { attempts: options.attempts ?? error.attempts }))
}

function amended({ what, said, remedy, names }: Account, options: CopyOptions): Account {
  const words = options.what ?? what
  return {
    what: options.also === undefined ? words : `${words} ${options.also}`,
    said,
    remedy: options.remedy ?? remedy,
    names: mergeNames(options.names ?? {}, names),
  }
}
