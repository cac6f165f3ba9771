import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { onEc2 } from './on-ec2.js'

const README = readFileSync(new URL('../../examples/README.md', import.meta.url), 'utf8')

const PROGRAMS = [
  's3',
  'dynamodb',
  'ssm-parameter-store',
  'presigned-url',
  'rds-iam',
  'bedrock',
  'fastify',
  'opentelemetry',
  'wrapper-library',
]

/** What the page says that the example prints; a line of `…` stands for any others. */
function shownOutput(name: string): string {
  const [, output] = new RegExp(`^## ${name}\\n[^]*?^\`\`\`text\\n([^]*?)^\`\`\``, 'm').exec(README) ?? []
  return output ?? 'nothing is shown'
}

/** Everything is as printed but the times, which are never the same. */
function withoutTimes(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
}

function asPattern(shown: string): RegExp {
  const parts = shown.split(/^…\n/m).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^]*')}$`)
}

function capturePrinted(): () => string {
  const lines: string[] = []
  const print = (...content: unknown[]) =>
    void lines.push(content.map((part) => (typeof part === 'string' ? part : inspect(part))).join(' '))
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(print),
    vi.spyOn(console, 'dir').mockImplementation((content, options) => {
      lines.push(inspect(content, options))
    }),
  ]
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
  return () => `${lines.join('\n')}\n`
}

// Fails if an example breaks, and that the page goes on showing what it no longer prints.
test.each(PROGRAMS)('%s prints what the page of the examples shows', async (name) => {
  const { describeTraffic, isAllAccepted } = await onEc2()
  const printed = capturePrinted()
  await import(new URL(`../../examples/${name}/main.ts`, import.meta.url).href)
  console.log(`\n${describeTraffic().join('\n')}`)
  expect(withoutTimes(printed())).toMatch(asPattern(withoutTimes(shownOutput(name))))
  expect(isAllAccepted()).toBe(true)
})

// Fails if the page goes on showing tests that are no longer run.
test.each(['jest-commonjs/upload-link.test.js', 'vitest-msw/report-archive.test.ts'])(
  '%s has the tests that the page of the examples shows',
  (path) => {
    const [name = ''] = path.split('/')
    const source = readFileSync(new URL(`../../examples/${path}`, import.meta.url), 'utf8')
    const titles = [...source.matchAll(/^test\('([^']+)'/gm)].map(([, title]) => `  ✓ ${title}\n`)
    expect(shownOutput(name)).toBe(titles.join(''))
  },
)

// Fails if an example is added, and the page or the command does not know of it.
test('lists every example on the page, with the command that runs it', () => {
  const runner = readFileSync(new URL('../../examples/run.ts', import.meta.url), 'utf8')
  const runnable = [...runner.matchAll(/^ {2}\['([\w-]+)',/gm)].map(([, name]) => name)
  const listed = [...README.matchAll(/^\| \[([\w-]+)\]\(\1\/?\) .*`npm run example -- \1` \|$/gm)].map(
    ([, name]) => name,
  )
  expect(listed).toEqual(runnable)
  expect(listed).toEqual(expect.arrayContaining(PROGRAMS))
})
