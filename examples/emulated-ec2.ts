import { type EmulatedInstance, emulateInstance } from 'instance-role/testing'
import { setupServer } from 'msw/node'
import { createAwsHandlers } from './emulated-aws/aws-handlers.js'
import { createEmulatedAws, type EmulatedAws } from './emulated-aws/emulated-aws.js'
import { forgetAwsSettings } from './forget-aws-settings.js'

/** The instance that the examples run on. */
export const instance: EmulatedInstance = emulateInstance({ roleName: 'app-role' })

/** The AWS that the examples call. It knows the credentials of the role and checks every signature. */
export const aws: EmulatedAws = createEmulatedAws({ findCredentials: (key) => instance.findCredentials(key) })

/**
 * Makes this process find IMDS and AWS at their own addresses, as on EC2, without any request leaving it.
 *
 * The returned function undoes it.
 */
export function moveToEmulatedEc2(): () => void {
  forgetAwsSettings()
  const server = setupServer(...instance.handlers, ...createAwsHandlers(aws))
  server.listen({
    onUnhandledRequest: ({ url }, print) => {
      if (new URL(url).hostname !== '127.0.0.1') print.error()
    },
  })
  return () => server.close()
}

/** Returns the requests to IMDS and to AWS, one line each. */
export function describeTraffic(): string[] {
  const calls = aws.requests.map(({ host, operation, verdict, accessKeyId = '' }) => {
    const signer = instance.findCredentials(accessKeyId)?.roleName ?? 'nobody known'
    return `  ${operation} at ${host}, signed by ${signer}: ${verdict}`
  })
  const imds = instance.requests.map((request) => `  ${request}`)
  return ['IMDS was asked', ...imds, ...(calls.length > 0 ? ['AWS was called', ...calls] : [])]
}

/** Whether AWS accepted every signature, with unexpired credentials. */
export function isAllAccepted(): boolean {
  return aws.requests.every(({ verdict }) => verdict === 'accepted')
}
