import type { InstanceRoleOptions } from '../../src/config/options.js'
import { expect, onTestFinished, test } from 'vitest'
import {
  fromInstanceRole,
  InstanceRoleError,
  type InstanceRoleErrorCode,
  MetadataClient,
} from '../../src/index.js'
import { copyOf, TREATMENTS } from '../../src/errors.js'
import { type EmulatedInstance, emulateInstance, type InstanceOptions } from '../../src/testing/index.js'
import { CREDENTIALS, setup } from '../setup.js'

interface Trouble {
  readonly code: InstanceRoleErrorCode
  readonly step?: string
  readonly says: RegExp
  readonly hint: RegExp
  readonly attempts: number
  readonly options?: InstanceOptions & { provider?: InstanceRoleOptions }
  readonly make?: (instance: EmulatedInstance) => void
}

/** The text after the words of a hint. */
function ending(fix: string | undefined): string {
  return fix === undefined ? '.' : `: ${fix}`
}

const TROUBLES: readonly Trouble[] = [
  {
    code: 'UNREACHABLE',
    step: 'token',
    says: /169\.254\.169\.254 cannot be reached/,
    hint: /curl -sS/,
    attempts: 4,
    make: (instance) => void instance.failUntilLifted('all', 'refuse'),
  },
  {
    code: 'HOP_LIMIT',
    step: 'token',
    says: /^IMDS at http:\/\/169\.254\.169\.254 .* timed out after 1000 ms: .* hop limit/,
    hint: /aws ec2 modify-instance-metadata-options .*--http-put-response-hop-limit 2/,
    attempts: 2,
    options: { hopsAway: 1 },
  },
  {
    code: 'IMDS_DISABLED',
    step: 'token',
    says: /\(403\): it is disabled on this instance/,
    hint: /--http-endpoint enabled/,
    attempts: 1,
    options: { metadataEnabled: false },
  },
  {
    code: 'NO_ROLE',
    step: 'role',
    says: /no instance profile is attached/,
    hint: /aws ec2 associate-iam-instance-profile/,
    attempts: 1,
    make: (instance) => instance.disassociateProfile(),
  },
  {
    code: 'NO_ROLE',
    step: 'role',
    says: /the instance profile .* holds none/,
    hint: /aws iam add-role-to-instance-profile/,
    attempts: 1,
    make: (instance) => instance.profile?.removeRole(),
  },
  {
    code: 'ROLE_NOT_FOUND',
    step: 'credentials',
    says: /no role other-role \(404\)/,
    hint: /Correct `roleName`, or leave it out/,
    attempts: 1,
    options: { provider: { roleName: 'other-role' } },
  },
  {
    code: 'ROLE_NOT_ASSUMABLE',
    step: 'credentials',
    says: /^The trust policy of the role app-role does not let EC2 assume it/,
    hint: /aws iam update-assume-role-policy .*ec2\.amazonaws\.com/,
    attempts: 1,
    make: (instance) =>
      void instance.failUntilLifted('credentials', { code: 'AssumeRoleUnauthorizedAccess' }),
  },
  {
    code: 'CREDENTIALS_NOT_ISSUED',
    step: 'credentials',
    says: /\(Failed\)/,
    hint: /iam\/info/,
    attempts: 1,
    make: (instance) => void instance.failUntilLifted('credentials', { code: 'Failed' }),
  },
  {
    code: 'TOKEN_REJECTED',
    step: 'role',
    says: /refused the metadata token/,
    hint: /X-aws-ec2-metadata-token/,
    attempts: 5,
    make: (instance) => void instance.failUntilLifted('role', { status: 401 }),
  },
  {
    code: 'THROTTLED',
    step: 'credentials',
    says: /throttled .* \(429\)/,
    hint: /linklocal_allowance_exceeded/,
    attempts: 4,
    options: { provider: { retries: 3 } },
    make: (instance) => void instance.failUntilLifted('credentials', { status: 429 }),
  },
  {
    code: 'SERVER_ERROR',
    step: 'role',
    says: /failed to answer .* \(503\)/,
    hint: /status checks/,
    attempts: 4,
    options: { provider: { retries: 3 } },
    make: (instance) => void instance.failUntilLifted('role', { status: 503 }),
  },
  {
    code: 'UNEXPECTED_STATUS',
    step: 'credentials',
    says: /with status 400/,
    hint: /proxy/,
    attempts: 1,
    make: (instance) => void instance.failUntilLifted('credentials', { status: 400 }),
  },
  {
    code: 'BAD_RESPONSE',
    step: 'credentials',
    says: /has no Expiration/,
    hint: /proxy/,
    attempts: 4,
    make: (instance) => void instance.failUntilLifted('credentials', { missingField: 'Expiration' }),
  },
  {
    code: 'TIMEOUT',
    step: 'credentials',
    says: /did not answer GET .* within 1000 ms/,
    hint: /AWS_METADATA_SERVICE_TIMEOUT/,
    attempts: 4,
    make: (instance) => void instance.failUntilLifted('credentials', 'silence'),
  },
]

test.each(TROUBLES)(
  'names step, cause and fix: $code $says',
  async ({ code, step, says, hint, attempts, options, make }) => {
    const { instance, provider } = setup(options)
    make?.(instance)
    const error = await provider().catch((thrown: unknown) => thrown)
    if (!(error instanceof InstanceRoleError)) throw new Error('not an InstanceRoleError')
    expect(error).toMatchObject({ name: 'InstanceRoleError', code, step, attempts })
    expect(error.message).toMatch(says)
    // One line: what happened, what to do, the command where there is one, and the link.
    expect(error.message).toMatch(/^[A-Z].*$/)
    // A command that replaces something comes after one that shows it.
    const hintBeforeFix = error.hint.replace(/`\.$/, '`. Then.')
    expect(error.message.endsWith(` ${hintBeforeFix.replace(/\.$/, ending(error.fix))} ${error.link}`)).toBe(
      true,
    )
    expect(`${error.hint} ${error.fix ?? ''}`).toMatch(hint)
    expect(error.link).toMatch(new RegExp(`errors\\.md#${code.toLowerCase()}$`))
    expect(error.tryNextLink).toBe(TREATMENTS[code].tryNextLink)
  },
)

test('says that the event loop was blocked, if it was', async () => {
  const { clock, instance, provider } = setup({
    provider: { retries: 0 },
    onSend: ({ path }) => {
      if (path.endsWith('/app-role')) clock.blockEventLoop(2_800)
    },
  })
  instance.failUntilLifted('credentials', 'silence')
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'TIMEOUT', step: 'credentials' })
  expect(String(error)).toContain('the event loop of this process was blocked for 1800 ms')
})

test('lets a credential chain go on if there is no role, and stops it if the configuration is wrong', () => {
  const goesOn = Object.entries(TREATMENTS)
    .filter(([, { tryNextLink }]) => tryNextLink)
    .map(([code]) => code)
  expect(goesOn).toEqual(['IMDS_DISABLED_BY_ENV', 'UNREACHABLE', 'HOP_LIMIT', 'IMDS_DISABLED', 'NO_ROLE'])
})

test('says what to make instead of a closed provider', async () => {
  const { provider } = setup()
  await provider.close()
  await expect(provider()).rejects.toMatchObject({
    code: 'CLOSED',
    message:
      'The instance role provider was closed. Make a new provider with `fromInstanceRole()`. https://github.com/instance-role/instance-role/blob/main/docs/errors.md#closed',
    hint: 'Make a new provider with `fromInstanceRole()`.',
    fix: undefined,
  })
})

test('says that a malformed setting must be corrected or removed', () => {
  const create = () => fromInstanceRole({ retries: -1 })
  expect(create).toThrow('The option retries is -1, not a whole number, at least 0.')
  expect(create).toThrow(expect.objectContaining({ hint: 'Correct or remove that setting.', fix: undefined }))
})

test("has the system's words as its cause", async () => {
  const { instance, provider } = setup()
  instance.failUntilLifted('all', 'refuse')
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ cause: { message: 'connect ECONNREFUSED' } })
})

test('throws a different error to each waiting caller, with the caller in its stack', async () => {
  const { instance, provider } = setup()
  instance.failUntilLifted('credentials', { code: 'Failed' })
  const failureOf = (call: Promise<unknown>): Promise<unknown> => call.catch((thrown: unknown) => thrown)
  async function uploadReport(): Promise<void> {
    await provider()
  }
  async function readQueue(): Promise<void> {
    await provider()
  }
  const failures = await Promise.all([failureOf(uploadReport()), failureOf(readQueue())])
  const [first, second] = failures
  expect(instance.requests.filter((request) => request.startsWith(CREDENTIALS))).toHaveLength(1)
  expect(second).toEqual(first)
  expect(second).not.toBe(first)
  const stacks = failures.map((error) => (error instanceof Error ? error.stack : undefined))
  expect(stacks).toEqual([
    expect.stringContaining('uploadReport') as unknown,
    expect.stringContaining('readQueue') as unknown,
  ])
})

test('passes on the whole error of another version of this package, even with an unknown code', () => {
  const told = {
    name: 'InstanceRoleError',
    code: 'INSTANCE_GONE',
    hint: 'Bring it back.',
    fix: undefined,
    tryNextLink: true,
  }
  const foreign = Object.assign(new Error('Somebody took the instance away.'), told)
  Object.defineProperty(foreign, Symbol.for('instance-role.error'), { value: true })
  if (!(foreign instanceof InstanceRoleError)) throw new Error('not known by its brand')
  for (const copy of [copyOf(foreign), copyOf(copyOf(foreign))])
    expect(copy).toMatchObject({ ...told, message: 'Somebody took the instance away.' })
})

test('fills in the region and the instance ID after a metadata client has read them', async () => {
  const instance = emulateInstance()
  const { endpoint } = await instance.listen()
  onTestFinished(() => instance.close())
  const metadata = new MetadataClient({ endpoint })
  instance.disassociateProfile()
  await using provider = fromInstanceRole({ endpoint })
  const failureOf = (): Promise<unknown> => provider().catch((thrown: unknown) => thrown)
  expect(await failureOf()).toMatchObject({
    fix: 'aws ec2 associate-iam-instance-profile --instance-id <instance-id> --iam-instance-profile Name=<profile-name>',
  })
  await Promise.all([metadata.region(), metadata.instanceId()])
  const error = await failureOf()
  const { region, instanceId } = await metadata.identityDocument()
  expect(error).toMatchObject({
    fix: `aws ec2 associate-iam-instance-profile --region ${region} --instance-id ${instanceId} --iam-instance-profile Name=<profile-name>`,
  })
})

test('puts no name in a command that the shell would split', () => {
  const names = { roleName: 'a$(reboot)', endpoint: "http://127.0.0.1:1/it's" }
  const { fix, message } = new InstanceRoleError('ROLE_NOT_ASSUMABLE', 'No.', { names })
  expect(fix).toContain('--role-name <role-name> ')
  expect(message).not.toContain('reboot')
  expect(new InstanceRoleError('UNREACHABLE', 'No.', { names }).fix).toContain('<endpoint>/latest/api/token')
})

test('begins the stack of a malformed option at the call that made the provider or the client', () => {
  const makers = [() => fromInstanceRole({ retries: -1 }), () => new MetadataClient({ retries: -1 })]
  for (const make of makers) {
    const stack = stackOf(make)
    expect(stack.split('\n').find((line) => line.startsWith('    at '))).toMatch(/12-errors-name-step/)
  }
})

function stackOf(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof Error) return error.stack ?? ''
  }
  throw new Error('it did not fail')
}
