import { expect, test } from 'vitest'
import { dispatcherTransport } from '../../src/imds/dispatcher-transport.js'
import { systemRuntime } from '../../src/runtime/runtime.js'
import { emulateInstance } from '../../src/testing/index.js'
import { findingsOf, reportFrom } from './examine.js'

/** The doctor where nothing is configured, and IMDS answers at one of its two addresses. */
async function examineAt(answering: '169.254.169.254' | '[fd00:ec2::254]') {
  const instance = emulateInstance()
  const transport = dispatcherTransport(systemRuntime, {
    request: (options) =>
      new URL(options.origin).hostname === answering
        ? instance.dispatcher.request(options)
        : Promise.reject(Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' })),
  })
  return findingsOf(await reportFrom({ transport }))
}

test('does not treat the silence of the other address as a problem', async () => {
  const { finding } = await examineAt('169.254.169.254')
  expect(finding('reach')).toMatchObject({ verdict: 'ok', facts: { failedRequests: 0 } })
  expect(finding('ipv6')).toMatchObject({ verdict: 'ok', facts: { answers: false } })
})

test('finds IMDS at the other address, and does not use its token for the current address', async () => {
  const { finding } = await examineAt('[fd00:ec2::254]')
  expect(finding('reach')).toMatchObject({
    code: 'UNREACHABLE',
    fix: 'export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6',
  })
  expect(finding('ipv6')).toMatchObject({ verdict: 'warning', facts: { answers: true } })
  expect(finding('token')).toMatchObject({ verdict: 'skipped' })
})
