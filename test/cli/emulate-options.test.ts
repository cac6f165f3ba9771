import { expect, test } from 'vitest'
import { UsageError } from '../../src/cli/command.js'
import { parseEmulateOptions } from '../../src/cli/emulate-options.js'
import { exportLine, guessShell } from '../../src/cli/shell.js'

const ARN = 'arn:aws:iam::123456789012:role/app-role'

test.each([
  ['90', 90],
  ['90s', 90],
  ['15m', 900],
  ['2h', 7_200],
])('reads a duration of %s as %i s', (text, seconds) => {
  const flags = ['--lifetime', text, '--rotate-every', text, '--no-role', '--fail-after', text]
  expect(parseEmulateOptions(flags)).toMatchObject({
    lifetimeSeconds: seconds,
    rotateEverySeconds: seconds,
    failAfterSeconds: seconds,
  })
})

test.each([
  ['token=silence', { step: 'token', fault: 'silence' }],
  ['role=reset-mid-bodyx3', { step: 'role', fault: 'reset-mid-body', count: 3 }],
  ['credentials=503', { step: 'credentials', fault: { status: 503 } }],
  ['all=429x20', { step: 'all', fault: { status: 429 }, count: 20 }],
  ['all=delay=500', { step: 'all', fault: { delayMs: 500 } }],
  ['credentials=drip=100x2', { step: 'credentials', fault: { dripMs: 100 }, count: 2 }],
  ['credentials=missing=Token', { step: 'credentials', fault: { missingField: 'Token' } }],
  ['credentials=code=Failed', { step: 'credentials', fault: { code: 'Failed' } }],
  ['/latest/user-data=html', { step: '/latest/user-data', fault: 'html' }],
])('accepts --fail %s', (text, order) => {
  const { breakage } = parseEmulateOptions(['--fail', text])
  expect(breakage.faults).toEqual([{ count: undefined, ...order, text }])
})

test('accepts --fail several times, in that order', () => {
  const { faults } = parseEmulateOptions(['--fail', 'token=500x2', '--fail', 'token=silence']).breakage
  expect(faults.map(({ fault }) => fault)).toEqual([{ status: 500 }, 'silence'])
})

test('reads metadata by path, and as facts if other metadata depend on them', () => {
  const { metadata } = parseEmulateOptions([
    ...['--metadata', 'placement/region=eu-west-1', '--metadata', '/latest/meta-data/mac=02:00:00:00:00:02'],
    ...['--metadata', 'tags/instance/Team Name=a=b', '--metadata', '/latest/user-data='],
  ])
  expect(metadata).toEqual({
    facts: { region: 'eu-west-1', mac: '02:00:00:00:00:02' },
    texts: [
      ['tags/instance/Team Name', 'a=b'],
      ['/latest/user-data', ''],
    ],
  })
})

const NAME = (longest: number) => `must be 1 to ${longest} of the characters A-Z a-z 0-9 _ + = , . @ -, not`
const DURATION = 'written like 90s, 15m or 6h, not'

test.each([
  [['--port', 'http'], '--port must be an integer from 0 to 65535, not "http"'],
  [['--port', '65536'], '--port must be an integer from 0 to 65535, not "65536"'],
  [
    ['--port', `\u001b[31m${'9'.repeat(80)}`],
    `--port must be an integer from 0 to 65535, not "[31m${'9'.repeat(60)}…"`,
  ],
  [['--hop-limit', '0'], '--hop-limit must be an integer from 1 to 64, not "0"'],
  [['--hops-away', '1.5'], '--hops-away must be an integer from 0 to 64, not "1.5"'],
  [['--lifetime', '1d'], `--lifetime must be 1s to 8760h, ${DURATION} "1d"`],
  [['--lifetime', '0'], `--lifetime must be 1s to 8760h, ${DURATION} "0"`],
  [['--rotate-every', 'often'], `--rotate-every must be 1s to 8760h, ${DURATION} "often"`],
  [['--no-role', '--fail-after', '30d'], `--fail-after must be 1s to 168h, ${DURATION} "30d"`],
  [['--no-role', '--fail-after', '999h'], `--fail-after must be 1s to 168h, ${DURATION} "999h"`],
  [['--fail-after', '60s'], '--fail-after "60s" needs something that fails, such as --no-role or --fail'],
  [
    ['--http-tokens', 'require'],
    '--http-tokens must be optional or required, not "require"; did you mean required?',
  ],
  [['--shell', 'bash'], '--shell must be sh or powershell, not "bash"'],
  [['--shell', 'power'], '--shell must be sh or powershell, not "power"; did you mean powershell?'],
  [['--role-name', 'a/b'], `--role-name ${NAME(64)} "a/b"`],
  [['--instance-profile-name='], `--instance-profile-name ${NAME(128)} ""`],
  [['--assume-role', 'app-role'], `--assume-role must be the ARN of a role, such as ${ARN}, not "app-role"`],
  [
    ['--assume-role', ARN, '--lifetime', '14m'],
    `--lifetime must be 15m to 12h with --assume-role, ${DURATION} "14m"`,
  ],
  [
    ['--assume-role', ARN, '--rotate-every', '60s'],
    '--rotate-every "60s" does not go with --assume-role, whose sets are renewed ahead of their end',
  ],
  [['--no-role', '--bad-trust'], '--no-role and --bad-trust exclude each other'],
  [['--fail', 'token'], '--fail "token": it must be <step>=<fault>, such as token=silence'],
  [['--fail', 'tokn=silence'], '--fail "tokn=silence": there is no step "tokn"; did you mean token?'],
  [['--fail', 'boot=silence'], '--fail "boot=silence": there is no step "boot"; a path begins with /'],
  [['--fail', 'all=silense'], '--fail "all=silense": there is no fault "silense"; did you mean silence?'],
  [
    ['--fail', 'all=fire'],
    '--fail "all=fire": there is no fault "fire"; instance-role emulate --help lists them',
  ],
  [['--fail', 'all=999'], '--fail "all=999": a status is from 200 to 599'],
  [['--fail', 'all=503x0'], '--fail "all=503x0": the number after x is from 1 to 1000'],
  [['--fail', 'all=delay'], '--fail "all=delay": delay takes a value, such as delay=500 (milliseconds)'],
  [
    ['--fail', 'all=delay=1s'],
    '--fail "all=delay=1s": delay takes a value, such as delay=500 (milliseconds)',
  ],
  [
    ['--fail', 'role=constructor'],
    '--fail "role=constructor": there is no fault "constructor"; instance-role emulate --help lists them',
  ],
  [
    ['--metadata', 'tags'],
    '--metadata "tags": it must be <path>=<value>, such as placement/region=eu-west-1',
  ],
  [
    ['--metadata', '/etc/passwd=x'],
    '--metadata "/etc/passwd=x": the path must be below /latest/meta-data/, such as placement/region=eu-west-1, or begin with /latest/',
  ],
  [
    ['--metadata', 'tags//Name=x'],
    '--metadata "tags//Name=x": the path must be below /latest/meta-data/, such as placement/region=eu-west-1, or begin with /latest/',
  ],
  [['--fial', 'x'], "Unknown option '--fial'; did you mean --fail?"],
])('names %j when it refuses it', (args, line) => {
  expect(() => parseEmulateOptions(args)).toThrow(new UsageError(line))
})

test.each([
  ['linux', { SHELL: '/bin/bash' }, 'sh'],
  ['linux', {}, 'sh'],
  ['linux', { SHELL: '/usr/bin/pwsh' }, 'powershell'],
  ['win32', {}, 'powershell'],
  ['win32', { SHELL: 'C:\\Program Files\\Git\\usr\\bin\\bash.exe' }, 'sh'],
])('guesses on %s with %j that the shell is %s', (platform, env, shell) => {
  expect(guessShell(env, platform)).toBe(shell)
})

test('writes the line of each shell', () => {
  expect(exportLine('sh', 'NAME', 'http://127.0.0.1:1')).toBe('export NAME=http://127.0.0.1:1')
  expect(exportLine('powershell', 'NAME', "it's")).toBe("$env:NAME = 'it''s'")
})
