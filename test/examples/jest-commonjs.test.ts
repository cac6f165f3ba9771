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

test('passes its own tests in Jest', async () => {
  const config = 'examples/jest-commonjs/jest.config.js'
  const { stdout } = await run(
    process.execPath,
    ['node_modules/jest/bin/jest.js', '--config', config, '--json'],
    { cwd: root },
  )
  const { numTotalTests, numPassedTests } = JSON.parse(stdout) as Report
  expect(numTotalTests).toBe(4)
  expect(numPassedTests).toBe(numTotalTests)
})
