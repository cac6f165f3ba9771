// Fails if docs/testing.md says of a mock what `npm run matrix -- mocks` does not prove.
import { expect, test } from 'vitest'
import { MOCKS, RUNNERS, supportOf } from '../matrix/mock-support.js'
import { readPage } from './snippets.js'

function cellsOf(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''))
}

test('the table of mocks has what the matrix proves', () => {
  const [, text = ''] = /^(\| mock \|.*?)\n\n/ms.exec(readPage('docs/testing.md')) ?? []
  const [header = [], , ...rows] = text.split('\n').map(cellsOf)
  expect(header).toEqual(['mock', ...RUNNERS])
  expect(rows).toEqual(MOCKS.map((mock) => [mock, ...RUNNERS.map((runner) => supportOf(mock, runner))]))
})
