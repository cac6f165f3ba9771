import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createProvider } from '../../src/from-instance-role.js'
import { createRegistry } from '../../src/shared-sources.js'
import { checkPromises } from './check-promises.js'

const RUNS = 2_000

test('keeps all twelve promises after every step of any life', { timeout: 120_000 }, async () => {
  const details = await checkPromises({ createProvider, createRegistry }, { numRuns: RUNS })
  // The seed, the path and the shrunk life, for whoever plays it again.
  const report = details.failed
    ? `${fc.defaultReportMessage(details) ?? ''}\n${String(details.errorInstance)}`
    : 'kept'
  expect(report).toBe('kept')
  expect(details.numRuns).toBe(RUNS)
})
