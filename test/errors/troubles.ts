import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { onTestFinished, vi } from 'vitest'
import { fromInstanceRole, type InstanceRoleErrorCode, MetadataClient } from '../../src/index.js'
import type { InstanceRoleOptions } from '../../src/config/options.js'
import type { EmulatedInstance, Fault, InstanceOptions, Step } from '../../src/testing/index.js'
import { emulateInstance } from '../../src/testing/index.js'
import { HOUR, setup } from '../setup.js'

/** A call of an application that fails; nothing is caught. */
type Call = () => Promise<unknown>

export interface Trouble {
  readonly code: InstanceRoleErrorCode
  /** Names the file with what is shown of it. */
  readonly name: string
  readonly prepare: () => Call | Promise<Call>
}

/** A call to a provider on an instance that something is wrong with. */
function onInstance(
  options: InstanceOptions & { provider?: InstanceRoleOptions },
  make: (instance: EmulatedInstance) => unknown = () => {},
): () => Call {
  return () => {
    const { instance, provider } = setup(options)
    make(instance)
    return () => provider()
  }
}

function failing(step: Step, fault: Fault): () => Call {
  return onInstance({ provider: { retries: 0 } }, (instance) => instance.failUntilLifted(step, fault))
}

function withVariable(name: string, value: string): () => Call {
  return () => {
    vi.stubEnv(name, value)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { provider } = setup()
    return () => provider()
  }
}

function forbiddenByRoute(): Call {
  const parts = { errno: -13, code: 'EACCES', syscall: 'connect', address: '169.254.169.254', port: 80 }
  const request = (): Promise<never> => Promise.reject(Object.assign(new Error('connect EACCES'), parts))
  const { create } = setup()
  const provider = create({ dispatcher: { request } })
  return () => provider()
}

async function detachedAnHourAgo(): Promise<Call> {
  const { clock, instance, provider } = setup()
  await provider()
  instance.disassociateProfile()
  await clock.advance(7 * HOUR)
  return () => provider()
}

async function closed(): Promise<Call> {
  const { provider } = setup()
  await provider.close()
  return () => provider()
}

function reading(options: InstanceOptions, read: (metadata: MetadataClient) => Promise<unknown>) {
  return async (): Promise<Call> => {
    const instance = emulateInstance(options)
    const { endpoint } = await instance.listen()
    onTestFinished(() => instance.close())
    const metadata = new MetadataClient({ endpoint, isolated: true })
    return () => read(metadata)
  }
}

/** An IMDS with user data that is not text. */
async function serveGzip(): Promise<{ endpoint: string }> {
  const server = createServer(({ method }, response) => {
    response.end(method === 'PUT' ? 'FAKE-token' : gzipSync('#!/bin/sh'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}` }
}

const refuseTrust = ({ role }: EmulatedInstance): void => {
  if (role) role.trustPolicy = { Statement: [] }
}

/** Every code, and those of its causes that have a message of their own. */
export const TROUBLES: readonly Trouble[] = [
  { code: 'UNREACHABLE', name: 'off-ec2', prepare: failing('all', 'refuse') },
  { code: 'UNREACHABLE', name: 'forbidden-by-route', prepare: forbiddenByRoute },
  { code: 'HOP_LIMIT', name: 'hop-limit', prepare: onInstance({ hopsAway: 1 }) },
  { code: 'IMDS_DISABLED', name: 'disabled', prepare: onInstance({ metadataEnabled: false }) },
  {
    code: 'IMDS_DISABLED_BY_ENV',
    name: 'disabled-by-variable',
    prepare: withVariable('AWS_EC2_METADATA_DISABLED', 'true'),
  },
  { code: 'NO_ROLE', name: 'no-role', prepare: onInstance({}, (instance) => instance.disassociateProfile()) },
  {
    code: 'NO_ROLE',
    name: 'empty-profile',
    prepare: onInstance({}, (instance) => instance.profile?.removeRole()),
  },
  { code: 'NO_ROLE', name: 'detached', prepare: detachedAnHourAgo },
  {
    code: 'ROLE_NOT_FOUND',
    name: 'role-not-found',
    prepare: onInstance({ provider: { roleName: 'other-role' } }),
  },
  {
    code: 'ROLE_NOT_FOUND',
    name: 'role-of-variable-not-found',
    prepare: withVariable('AWS_EC2_INSTANCE_PROFILE_NAME', 'other-role'),
  },
  { code: 'ROLE_NOT_ASSUMABLE', name: 'trust-policy', prepare: onInstance({}, refuseTrust) },
  {
    code: 'CREDENTIALS_NOT_ISSUED',
    name: 'not-issued',
    prepare: failing('credentials', { code: 'InternalError', message: 'Try again\n "later".' }),
  },
  { code: 'METADATA_ABSENT', name: 'no-tags', prepare: reading({}, (metadata) => metadata.tags()) },
  {
    code: 'METADATA_NOT_TEXT',
    name: 'not-text',
    prepare: async () => {
      const { endpoint } = await serveGzip()
      const metadata = new MetadataClient({ endpoint, isolated: true })
      return () => metadata.userData()
    },
  },
  { code: 'TOKEN_REJECTED', name: 'token-rejected', prepare: failing('role', { status: 401 }) },
  { code: 'THROTTLED', name: 'throttled', prepare: failing('credentials', { status: 429 }) },
  { code: 'SERVER_ERROR', name: 'server-error', prepare: failing('role', { status: 503 }) },
  { code: 'UNEXPECTED_STATUS', name: 'unexpected-status', prepare: failing('token', { status: 404 }) },
  { code: 'BAD_RESPONSE', name: 'bad-response', prepare: failing('credentials', 'html') },
  { code: 'TIMEOUT', name: 'timeout', prepare: failing('credentials', 'silence') },
  {
    code: 'BAD_CONFIG',
    name: 'bad-variable',
    prepare: withVariable('AWS_METADATA_SERVICE_TIMEOUT', 'soon'),
  },
  {
    code: 'BAD_CONFIG',
    name: 'option-of-the-official-provider',
    prepare: () => () =>
      Promise.resolve().then(
        () => Reflect.apply(fromInstanceRole, undefined, [{ maxRetries: 3 }]) as unknown,
      ),
  },
  { code: 'CLOSED', name: 'closed', prepare: closed },
]
