import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
}

/** The first cell, without its backticks, of every row of a Markdown table. */
function firstCells(markdown: string): string[] {
  return [...markdown.matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell ?? '')
}

// Prevents that a channel is added, renamed or dropped, and its documentation stays behind.
test('documents every channel with every member of its payload', () => {
  const rows = read('docs/observability.md').match(/^\| `instance-role:.*$/gm) ?? []
  const documented = rows.map((row) => {
    const [name = '', ...members] = [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '')
    return [name, members.filter((member) => member !== 'imdsV1Fallback')] as const
  })
  const source = read('src/events.ts')
  const channels = [...source.matchAll(/readonly '(instance-role:[^']+)': (\w+)/g)].map(
    ([, name = '', type = '']) => {
      const body = new RegExp(`interface ${type} \\{([^}]*)\\}`).exec(source)?.[1] ?? ''
      return [name, [...body.matchAll(/readonly (\w+\??):/g)].map(([, member]) => member)] as const
    },
  )
  expect(channels).toHaveLength(10)
  expect(new Map(documented)).toEqual(new Map(channels))
})

// Prevents that README's options and the interface drift apart.
test('lists every option in README, and no other', () => {
  const [, after = ''] = read('README.md').split('## Options')
  const [table = ''] = after.split('\n## ')
  const inReadme = firstCells(table)
  const [, options = ''] = read('src/options.ts').split('export interface InstanceRoleOptions')
  const [own = ''] = options.split('\n}')
  const inSource = [...own.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name)
  expect(new Set(inReadme)).toEqual(new Set(inSource))
})

// Prevents that a release is made without its changes, or that requests announce another version.
test('has one version in package.json, in the source and in the changelog', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  expect(read('src/version.ts')).toContain(`'${version}'`)
  expect(read('CHANGELOG.md')).toMatch(
    new RegExp(`^## \\[(Unreleased|${version.replaceAll('.', '\\.')})\\]`, 'm'),
  )
})
