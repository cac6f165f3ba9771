import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wrapCommand, wrapWords } from '../../src/diagnosis/wrap.js'

const MARGINS = { first: '  fix   ', rest: '        ' }
const words = fc.array(fc.stringMatching(/^[\w.:/-]{1,30}$/), { minLength: 1, maxLength: 30 })
const width = fc.integer({ min: 40, max: 120 })

test('breaks no word, loses none, and keeps within the width', () => {
  fc.assert(
    fc.property(words, width, (given, columns) => {
      const lines = wrapWords(given.join(' '), columns, MARGINS)
      const margins = lines.map((line, index) => line.startsWith(index === 0 ? MARGINS.first : MARGINS.rest))
      expect(margins).toEqual(lines.map(() => true))
      expect(lines.flatMap((line) => line.slice(8).split(' '))).toEqual(given)
      expect(lines.filter((line) => line.length > columns)).toEqual([])
    }),
  )
})

test('puts a word that is longer than the width on a line of its own', () => {
  const long = 'x'.repeat(60)
  expect(wrapWords(`see ${long} there`, 40, { first: '', rest: '  ' })).toEqual([
    'see',
    `  ${long}`,
    '  there',
  ])
})

test('keeps an option with its value', () => {
  const lines = wrapCommand('aws ec2 do-it --one 1 --two-of-them 22222222', 40, MARGINS)
  expect(lines).toEqual(['  fix   aws ec2 do-it --one 1 \\', '        --two-of-them 22222222'])
})

test.skipIf(process.platform === 'win32').each([40, 60, 80])(
  'breaks a command so that the shell reads the same command, %i columns wide',
  (columns) => {
    const command = `printf '%s|' --region eu-central-1 --policy '{"a": ["b",  "c"]}' "two  words" a\\ b --last /^x$/d`
    const wrapped = wrapCommand(command, columns, { first: '  ', rest: '    ' }).join('\n')
    const output = (script: string): string => execFileSync('sh', ['-c', script]).toString()
    expect(output(wrapped)).toBe(output(command))
  },
)
