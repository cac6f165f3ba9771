import { keepName } from './runtime/keep-name.js'
import { oneLine } from './runtime/plain-text.js'

/** What went wrong. Every code has a section in `docs/errors.md`. */
export type InstanceRoleErrorCode =
  /** no connection to IMDS: the process is not on EC2, or a firewall blocks it */
  | 'UNREACHABLE'
  /** the connection was made, but the token request was not answered: a container behind hop limit 1 */
  | 'HOP_LIMIT'
  /** the metadata service of the instance is disabled (403) */
  | 'IMDS_DISABLED'
  /** `AWS_EC2_METADATA_DISABLED` or `disable_ec2_metadata` is true */
  | 'IMDS_DISABLED_BY_ENV'
  /** no instance profile is attached, or the attached one has no role */
  | 'NO_ROLE'
  /** `roleName` names another role than the attached one */
  | 'ROLE_NOT_FOUND'
  /** the role's trust policy does not let `ec2.amazonaws.com` assume it */
  | 'ROLE_NOT_ASSUMABLE'
  /** IMDS lists the role but has no credentials for it */
  | 'CREDENTIALS_NOT_ISSUED'
  /** IMDS has nothing at the path that was read (404) */
  | 'METADATA_ABSENT'
  /** the metadata is not text, for example gzip */
  | 'METADATA_NOT_TEXT'
  /** IMDS refused a fresh metadata token (401) */
  | 'TOKEN_REJECTED'
  /** IMDS answered with 429 */
  | 'THROTTLED'
  /** IMDS answered with 500 to 599 */
  | 'SERVER_ERROR'
  /** another status, such as 400, 405 or a redirect: this is not IMDS */
  | 'UNEXPECTED_STATUS'
  /** the response is malformed or too large, or a field is missing; the message names it */
  | 'BAD_RESPONSE'
  /** no response in time, or the program's event loop was blocked: the message says for how long */
  | 'TIMEOUT'
  /** a malformed option, variable or config file key; the message names it */
  | 'BAD_CONFIG'
  /** the provider was closed */
  | 'CLOSED'

/**
 * The request that failed: `token` is `PUT /latest/api/token`, `role` is the listing `GET
 * /latest/meta-data/iam/security-credentials/`, `credentials` is `GET …/<role-name>`, `metadata` is any other path.
 */
export type LoadStep = 'token' | 'role' | 'credentials' | 'metadata'

/** What to do about an error. Known names replace the placeholders in angle brackets. */
export interface ErrorHint {
  /** In words, without a full stop. The command follows, if there is one. */
  readonly text: string
  /** The command to run first: it shows what `command` replaces or deletes. */
  readonly look?: string
  /** The exact command. Omitted if a `<variable>` or an `<address>` in it is not known. */
  readonly command?: string
}

/** The names in a command, as far as they are known. */
export interface ErrorNames {
  /** Base URL of IMDS. */
  readonly endpoint?: string | undefined
  /** Of the instance. */
  readonly region?: string | undefined
  /** Of the instance. */
  readonly instanceId?: string | undefined
  /** Name of the attached instance profile. */
  readonly profileName?: string | undefined
  /** The role that IMDS lists. */
  readonly roleName?: string | undefined
  /** The environment variable that has the wrong value. */
  readonly variable?: string | undefined
}

/** How a failure is treated, and what to do about it unless the error itself has a better hint: one of {@link HINTS}. */
interface Treatment extends ErrorHint {
  /** Whether another try within the same load can succeed. */
  readonly retryable: boolean
  /**
   * Whether `createCredentialChain` tries the next provider: yes if there is no role, no if the role is broken or the failure is
   * unclear.
   */
  readonly tryNextLink: boolean
  /** Whether expired credentials are still served (static stability): only if IMDS was unavailable. */
  readonly extendsExpired: boolean
  /** Whether waiting may be enough, so that `waitForRole` and `ready()` continue. */
  readonly mayPass: boolean
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
/** Shows settings that may send requests elsewhere. */
const SHOW_PROXIES = 'env | grep -i -e AWS_EC2_METADATA -e proxy'
const UNSET = 'unset <variable>'

/** How each failure is treated, one row per code. */
export const TREATMENTS: Readonly<Record<InstanceRoleErrorCode, Treatment>> = {
  IMDS_DISABLED_BY_ENV: {
    ...absent,
    text: 'Remove that setting where the instance role is to be used',
    command: UNSET,
  },
  UNREACHABLE: {
    ...unclear,
    tryNextLink: true,
    text: 'Off EC2, use another credential source. On EC2, let this process reach IMDS (firewall, network policy, route), and see whether it gives a token',
    command: ASK_FOR_TOKEN,
  },
  HOP_LIMIT: {
    ...unclear,
    tryNextLink: true,
    mayPass: false,
    text: 'Give the container a role of its own (ECS task role, EKS Pod Identity), or raise the hop limit of the instance',
    command: `${MODIFY_OPTIONS} --http-endpoint enabled --http-put-response-hop-limit 2`,
  },
  IMDS_DISABLED: {
    ...absent,
    text: 'Enable the metadata service of the instance',
    command: `${MODIFY_OPTIONS} --http-endpoint enabled`,
  },
  NO_ROLE: {
    ...absent,
    mayPass: true,
    text: 'Attach an instance profile that holds a role',
    command:
      'aws ec2 associate-iam-instance-profile --instance-id <instance-id> --iam-instance-profile Name=<profile-name>',
  },
  ROLE_NOT_FOUND: {
    ...wrong,
    mayPass: true,
    text: 'The name of a role can differ from that of its instance profile. Correct `roleName`, or leave it out to use the role that is attached',
    command: UNSET,
  },
  ROLE_NOT_ASSUMABLE: {
    ...wrong,
    text: 'Let the service ec2.amazonaws.com assume the role. The command REPLACES the whole trust policy, so add what it allows others',
    look: SHOW_TRUST_POLICY,
    command:
      'aws iam update-assume-role-policy --role-name <role-name> --policy-document \'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}\'',
  },
  CREDENTIALS_NOT_ISSUED: {
    ...wrong,
    extendsExpired: true,
    mayPass: true,
    text: 'Ask the instance itself why it has no credentials',
    command:
      'TOKEN=$(curl -sX PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" <endpoint>/latest/api/token) && curl -sH "X-aws-ec2-metadata-token: $TOKEN" <endpoint>/latest/meta-data/iam/info',
  },
  METADATA_ABSENT: { ...wrong, text: 'Not every instance has every item' },
  METADATA_NOT_TEXT: {
    ...wrong,
    text: 'Read user data that is not text, gzip for instance, with `userDataBytes()` of MetadataClient',
  },
  TOKEN_REJECTED: {
    ...unclear,
    text: 'Look for what drops or changes the header X-aws-ec2-metadata-token on the way to IMDS, or for an emulator that forgets its tokens',
    command: SHOW_PROXIES,
  },
  THROTTLED: {
    ...unclear,
    text: 'IMDS, DNS and NTP share 1,024 packets/s per network interface. Let clients share one provider, and look for what else asks',
    command: COUNT_DROPPED,
  },
  SERVER_ERROR: {
    ...unclear,
    text: 'IMDS could not complete the request. If that lasts, look at the status checks of the instance',
    command: 'aws ec2 describe-instance-status --instance-ids <instance-id>',
  },
  UNEXPECTED_STATUS: {
    ...wrong,
    text: 'Make sure that <endpoint> is IMDS and not a proxy, a redirect or another service',
    command: SHOW_PROXIES,
  },
  BAD_RESPONSE: {
    ...unclear,
    text: 'Make sure that <endpoint> is IMDS and not a proxy or another service',
    command: SHOW_PROXIES,
  },
  TIMEOUT: {
    ...unclear,
    text: 'Where IMDS is known to be slow, raise `timeout` or `deadline`; the variable is in seconds',
    command: 'export AWS_METADATA_SERVICE_TIMEOUT=5',
  },
  BAD_CONFIG: { ...wrong, text: 'Correct or remove that setting', command: UNSET },
  CLOSED: { ...wrong, text: 'Make a new provider with `fromInstanceRole()`' },
}

/** Hints that are more precise than those of the codes. */
export const HINTS = {
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
    command:
      'aws ec2 modify-instance-metadata-options --instance-id <instance-id> --instance-metadata-tags enabled',
  },
  openFiles: {
    text: 'Raise the limit of open files, or look for what leaves them open',
    command: 'ulimit -n',
  },
  unreadFiles: {
    text: 'Let AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name files that can be read, or /dev/null',
  },
  noHome: { text: 'Set HOME' },
  brokenInstall: { text: 'Install the dependencies of the program again', command: 'npm ls @smithy/core' },
  notCalled: { text: 'Call it: `credentials: fromInstanceRole()`' },
  dispatcher: { text: 'Give a dispatcher that is open, or leave the option out' },
} as const

/** For a code of another version of this package. */
const UNKNOWN_CODE: Treatment = { ...wrong, text: '' }

const treatments = new Map<string, Treatment>(Object.entries(TREATMENTS))

/** Returns the row of a code. The error may come from another copy of this package. */
export function treatmentOf(code: string): Treatment {
  return treatments.get(code) ?? UNKNOWN_CODE
}

/** Marks the errors of all copies of this package. */
const BRAND = Symbol.for('instance-role.error')

/** The page that explains the codes. */
const ERRORS_PAGE = 'https://github.com/instance-role/instance-role/blob/main/docs/errors.md'

/** The section of `docs/errors.md` about the code. */
export function linkTo(code: string): string {
  return `${ERRORS_PAGE}#${code.toLowerCase()}`
}

type Optional<T> = { readonly [Name in keyof T]?: T[Name] | undefined }
type GivenMember = 'step' | 'statusCode' | 'attempts' | 'timedOut' | 'retryAfterMs' | 'tryNextLink' | 'cause'

/** The details of an {@link InstanceRoleError}, besides its code and what happened. */
export interface InstanceRoleErrorDetails extends Optional<Pick<InstanceRoleError, GivenMember>> {
  /** The `Message` of IMDS, without anything secret. */
  readonly said?: string | undefined
  /** What to do about it. By default, what the code says. */
  readonly remedy?: ErrorHint | undefined
  /** The names for the placeholders in the hint. */
  readonly names?: ErrorNames | undefined
}

/** What an error was made of. */
interface Parts {
  readonly what: string
  readonly remedy: ErrorHint
  readonly details: InstanceRoleErrorDetails
}

/** What the errors of this copy of the package were made of. Not a property of the error, so that nothing is printed twice. */
const partsOf = new WeakMap<object, Parts>()

/** The parts of an error's message, with the names filled in. */
export interface Telling {
  /** What happened, and the `Message` of IMDS. */
  readonly what: string
  /** What to do, in words. */
  readonly text: string
  /** The command to run before `fix`: it shows what `fix` replaces. */
  readonly look: string | undefined
  readonly fix: string | undefined
}

/** `more` are names for the placeholders that the error itself cannot fill. */
function tell({ what, remedy, details: { said, names } }: Parts, more?: ErrorNames): Telling {
  const { text, look, command } = remedy
  const all = { ...more, ...known(names) }
  return {
    what: said === undefined ? what : `${what} IMDS: "${said}".`,
    text: fill(text, all),
    look: look && fill(look, all),
    fix: command && fillCommand(command, all),
  }
}

/** Returns the parts of an error's message, with `names` for the placeholders that the error itself cannot fill. */
export function tellingOf(error: InstanceRoleError, names?: ErrorNames): Telling {
  const parts = partsOf.get(error)
  if (parts !== undefined) return tell(parts, names)
  return { what: error.message, text: error.hint.replace(/\.$/, ''), look: undefined, fix: error.fix }
}

/** Leaves out members that are `undefined`. */
function known(members: object = {}): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** A name that needs quoting in a shell is not put in a command. */
const UNQUOTED = /^[\w.:/@+=,[\]-]+$/

/** Returns `template` with the known names filled in. */
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

/** A command with one of these placeholders is useless. */
const INDISPENSABLE = /<(variable|address)>/

function fillCommand(command: string, names: ErrorNames): string | undefined {
  const filled = fill(command, names)
  return INDISPENSABLE.test(filled) ? undefined : filled
}

/** `ip route get` takes only an address. */
function addressIn(endpoint = ''): string | undefined {
  return /^https?:\/\/\[?([\d.]+|[\da-f:]+)\]?(:\d+)?$/.exec(endpoint)?.[1]
}

/** The whole error in one line: log lines, `String(error)` and the SDK's chains print only the message. */
function messageOf(telling: Telling, link: string): string {
  const { what, text, look, fix } = telling
  const hint = hintText(telling)
  if (fix === undefined) return oneLine(`${what} ${hint} ${link}`)
  return oneLine(`${what} ${look === undefined ? `${text}:` : `${hint} Then:`} ${fix} ${link}`)
}

/**
 * The error of this library. `code` says what happened, `step` says where. The message is one line: what happened, what to do about
 * it, the exact command if there is one, and the link to the page that explains the code.
 *
 * Neither the error nor its `cause` ever contains a key or a token. The message quotes the role's name, the HTTP status, and the
 * `Code` and `Message` of a credentials document without credentials.
 */
export class InstanceRoleError extends Error {
  static {
    keepName(this, 'InstanceRoleError')
  }

  /** Always `InstanceRoleError`, for code that compares names. */
  override readonly name = 'InstanceRoleError'
  /** What went wrong. */
  readonly code: InstanceRoleErrorCode
  /** The request that failed. Absent if no request was made. */
  declare readonly step?: LoadStep
  /** What to do about it, in words. Not enumerable, like `fix` and `link`, because the message contains all three. */
  declare readonly hint: string
  /** The command that fixes the problem, or shows more about it. `<placeholders>` stand for unknown names. */
  declare readonly fix: string | undefined
  /** HTTP status of the response, if there was one. */
  declare readonly statusCode?: number
  /** Number of tries of the load, the first included; 0 if IMDS was not asked. */
  readonly attempts: number
  /** Whether the last try timed out. */
  readonly timedOut: boolean
  /** How long not to ask again, in milliseconds: IMDS's `Retry-After`, or a pause after it gave expired credentials. */
  declare readonly retryAfterMs?: number
  /** Whether the SDK's credential chains try their next provider. The chains read this property. */
  readonly tryNextLink: boolean
  /** The page that explains the code. */
  declare readonly link: string

  /** `what` is a sentence. The code decides the hint, unless `details` has one. */
  constructor(code: InstanceRoleErrorCode, what: string, details: InstanceRoleErrorDetails = {}) {
    const treatment = treatmentOf(code)
    const parts = { what, remedy: details.remedy ?? treatment, details }
    const { cause, step, statusCode, retryAfterMs } = details
    const telling = tell(parts)
    const link = linkTo(code)
    super(messageOf(telling, link), cause === undefined ? undefined : { cause })
    partsOf.set(this, parts)
    hide(this, { [BRAND]: true, hint: hintText(telling), fix: telling.fix, link })
    this.code = code
    this.tryNextLink = details.tryNextLink ?? treatment.tryNextLink
    this.attempts = details.attempts ?? 0
    this.timedOut = details.timedOut ?? false
    Object.assign(this, known({ step, statusCode, retryAfterMs }))
    // Taken again, because the stack of the `Error` constructor lacks the name.
    beginStackAt(new.target, this)
  }

  /** True for the errors of every copy of this package, ESM and CJS. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

function hintText({ text, look }: Telling): string {
  if (text === '') return ''
  return look === undefined ? `${text}.` : `${text}. First look with \`${look}\`.`
}

/**
 * Defines members that are not enumerable: `console.error` and loggers print the message and the enumerable members. They are
 * writable, like those of any error.
 */
function hide(error: InstanceRoleError, members: Readonly<Record<PropertyKey, unknown>>): void {
  for (const key of Reflect.ownKeys(members))
    Object.defineProperty(error, key, { value: members[key], writable: true, configurable: true })
}

/** Makes the stack of our error begin at the caller of `called`. Any other error stays as it is. */
export function beginStackAt<T>(called: Called, error: T): T {
  if (error instanceof InstanceRoleError) Error.captureStackTrace(error, called)
  return error
}

/** Runs `work`. The stacks of its errors begin at the caller of `called`. */
export function calledAs<T>(called: Called, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw beginStackAt(called, error)
  }
}

/** One of our functions or classes. */
export type Called = ((...args: never[]) => unknown) | (new (...args: never[]) => unknown)

/** What differs in a copy. `names` are for the placeholders that the error itself cannot fill. */
export interface ErrorChanges extends Pick<InstanceRoleErrorDetails, 'attempts' | 'names' | 'remedy'> {
  /** Returns what happened in other words than the error's `own`. */
  readonly what?: (own: string) => string
}

/** Returns a copy of an error. A function outside the class, because a bundler renames the class. */
export function copyOf(
  error: InstanceRoleError,
  { what = (own) => own, names, ...changes }: ErrorChanges = {},
): InstanceRoleError {
  const { code, message, cause, hint, fix, link } = error
  const { what: own = message, details = {} }: Partial<Parts> = partsOf.get(error) ?? {}
  const allNames = { ...names, ...known(details.names) }
  const given = { ...details, ...known(changes), cause, names: allNames }
  const copy = new InstanceRoleError(code, what(own), given)
  // The words of another copy's error are kept.
  if (!partsOf.has(error)) {
    hide(copy, { message, hint, fix, link })
    partsOf.delete(copy)
  }
  return beginStackAt(copyOf, Object.assign(copy, error, { attempts: changes.attempts ?? error.attempts }))
}

/** A copy of our error for each caller: the SDK writes to errors, and the stack shows who called. */
export function copyFor(called: Called, error: unknown): unknown {
  return error instanceof InstanceRoleError ? beginStackAt(called, copyOf(error)) : error
}
