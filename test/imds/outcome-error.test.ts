import { expect, test } from 'vitest'
import { outcomeError } from '../../src/imds/outcome-error.js'

function unreachable(why: string, endpoint = 'http://169.254.169.254') {
  const context = {
    endpoint,
    timeoutMs: 1_000,
    step: 'token',
    request: 'PUT /latest/api/token',
    isKnown: false,
  } as const
  return outcomeError({ kind: 'unreachable', timedOut: false, cause: new Error(why) }, context)
}

test.each(['EACCES', 'EPERM', 'EINVAL', 'ENETUNREACH', 'EHOSTUNREACH'])(
  "suggests to check this host's routes if a connection fails with %s",
  (code) => {
    const { message } = unreachable(`connect ${code} 169.254.169.254:80`)
    expect(message).toContain(`connect ${code} 169.254.169.254:80. `)
    expect(message).toContain('ip route get 169.254.169.254')
    expect(message).toContain('systemd-imdsd')
  },
)

test('writes the IPv6 address as the command accepts it', () => {
  const { message } = unreachable('connect EACCES fd00:ec2::254:80', 'http://[fd00:ec2::254]')
  expect(message).toContain('ip route get fd00:ec2::254 ')
})

test('does not mention routes if the connection was refused', () => {
  expect(unreachable('connect ECONNREFUSED 127.0.0.1:1').message).not.toContain('ip route')
})
