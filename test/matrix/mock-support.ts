/** A mock of IMDS in a test: a row of the table in docs/testing.md. */
export const MOCKS = [
  'instance.listen()',
  'instance.dispatcher',
  'msw 2',
  'msw 3',
  'nock 14',
  'undici MockAgent',
] as const
export type Mock = (typeof MOCKS)[number]

/** A test runner: a column of that table. */
export const RUNNERS = [
  'vitest, node',
  'vitest, jsdom',
  'vitest, happy-dom',
  'node:test',
  'Jest, node',
  'Jest, jest-fixed-jsdom',
  'Jest, jest-environment-jsdom',
] as const
export type Runner = (typeof RUNNERS)[number]

/** Works without set-up; works with the transform or the flag of Node that the page prints; does not work. */
export type Support = 'yes' | 'transform' | 'flag' | 'no'

const EVERYWHERE: readonly Support[] = ['yes', 'yes', 'yes', 'yes', 'yes', 'yes', 'yes']

/** By mock, in the order of `RUNNERS`. */
const SUPPORT: Readonly<Record<Mock, readonly Support[]>> = {
  'instance.listen()': EVERYWHERE,
  'instance.dispatcher': EVERYWHERE,
  'msw 2': ['yes', 'yes', 'yes', 'yes', 'transform', 'transform', 'no'],
  'msw 3': ['yes', 'yes', 'yes', 'yes', 'flag', 'flag', 'no'],
  'nock 14': ['yes', 'yes', 'yes', 'yes', 'yes', 'yes', 'no'],
  'undici MockAgent': ['yes', 'yes', 'yes', 'yes', 'yes', 'no', 'no'],
}

export function supportOf(mock: Mock, runner: Runner): Support {
  return SUPPORT[mock][RUNNERS.indexOf(runner)] ?? 'no'
}
