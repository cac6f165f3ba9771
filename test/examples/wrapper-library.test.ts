import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

interface Report {
  readonly numTotalTests: number
  readonly numPassedTests: number
}

test("passes the wrapper's own tests", async () => {
  const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
  const config = 'examples/wrapper-library/vitest.config.ts'
  const { stdout } = await run(process.execPath, [vitest, 'run', '--config', config, '--reporter=json'], {
    cwd: root,
  })
  const { numTotalTests, numPassedTests } = JSON.parse(stdout) as Report
  expect(numTotalTests).toBeGreaterThan(5)
  expect(numPassedTests).toBe(numTotalTests)
})

test('runs with one command', async () => {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'examples/wrapper-library/main.ts'], {
    cwd: root,
  })
  expect(stdout).toContain('[info] instance-role: credentials of role orders are loaded')
  expect(stdout).toContain('ROLE_NOT_FOUND')
})
