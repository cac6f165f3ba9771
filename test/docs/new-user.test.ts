// Fails if a new user, with the packed package and the docs alone, gets stuck: on a first signed request, on a first test with
// a mock, or on a failure to find the cause of. Each in a fresh folder, with the blocks of the docs as they are.
import { join } from 'node:path'
import { expect, inject, test, type TestContext, vi } from 'vitest'
import { emulateInstance } from '../../src/testing/index.js'
import { startVerifyingAwsEndpoint } from '../../examples/emulated-aws/verifying-aws-endpoint.js'
import { createPackedProject, type PackedProject } from './packed-project.js'
import { optionsIn, shellWords } from './shell-words.js'
import { readPage, snippetsOf } from './snippets.js'

// What `npm pkg set type=module` leaves.
const PACKAGE = JSON.stringify({ name: 'new-user', private: true, type: 'module' })
/** No waiting for long for what never comes. */
const IMPATIENT = { AWS_METADATA_SERVICE_TIMEOUT: '0.5' }
const VITEST = 'node_modules/vitest/vitest.mjs'

vi.setConfig({ testTimeout: 60_000 })

async function freshFolder(
  { onTestFinished }: TestContext,
  tools: readonly string[],
): Promise<PackedProject> {
  const project = await createPackedProject(tools)
  onTestFinished(() => project.remove())
  await project.write('package.json', PACKAGE)
  return project
}

/** Writes the block of a page that is the named file. */
async function copyBlock(project: PackedProject, page: string, fileName: string): Promise<string> {
  const block = snippetsOf(page).find((one) => one.fileName === fileName)
  if (block === undefined) throw new Error(`${page} has no block for ${fileName}`)
  await project.write(fileName, block.text)
  return block.text
}

/** That the page shows a command, in a block of its own or among others. */
function expectCommand(page: string, command: string): void {
  const lines = snippetsOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.split('\n'))
  expect(lines.map((line) => line.replace(/ +#.*/, ''))).toContain(command)
}

test.concurrent('a new user gets to a signed request', async (context) => {
  expectCommand('docs/getting-started.md', 'npm install instance-role @aws-sdk/client-sts')
  expectCommand('docs/getting-started.md', 'node whoami.js')
  await using instance = emulateInstance({ roleName: 'app-role' })
  const server = await instance.listen()
  const aws = await startVerifyingAwsEndpoint({ findCredentials: (key) => instance.findCredentials(key) })
  context.onTestFinished(() => aws.close())
  const project = await freshFolder(context, ['@aws-sdk/client-sts'])
  await copyBlock(project, 'docs/getting-started.md', 'whoami.js')

  const { status, output } = await project.node(['whoami.js'], { ...server.env, AWS_ENDPOINT_URL: aws.url })

  expect(output).toMatch(/^arn:aws:sts::123456789012:assumed-role\/app-role\//m)
  expect(status).toBe(0)
  expect(aws.requests).toMatchObject([{ operation: 'GetCallerIdentity', verdict: 'accepted' }])
})

test.concurrent('a new user gets to a mocked test', async (context) => {
  for (const page of ['docs/getting-started.md', 'docs/testing.md']) expectCommand(page, 'npx vitest run')
  const project = await freshFolder(context, ['msw', 'vitest'])
  const texts = [
    await copyBlock(project, 'docs/getting-started.md', 'role.test.ts'),
    await copyBlock(project, 'README.md', 'outage.test.ts'),
  ]

  const { status, output } = await project.node([VITEST, 'run', '--reporter=json'])

  const tests = texts.flatMap((text) => text.match(/^test\(/gm) ?? []).length
  expect(output).toContain(`"numPassedTests":${tests},"numFailedTests":0`)
  expect(status).toBe(0)
})

test.concurrent(
  'a new user gets from a failure to its cause, and fixes it with the command that is shown',
  async (context) => {
    expectCommand('docs/getting-started.md', 'npx instance-role doctor')
    await using instance = emulateInstance({ roleName: 'app-role', hopsAway: 1 })
    const server = await instance.listen()
    const aws = await startVerifyingAwsEndpoint({ findCredentials: (key) => instance.findCredentials(key) })
    context.onTestFinished(() => aws.close())
    const project = await freshFolder(context, ['@aws-sdk/client-sts'])
    await copyBlock(project, 'docs/getting-started.md', 'whoami.js')
    const env = { ...server.env, AWS_ENDPOINT_URL: aws.url, AWS_REGION: 'eu-central-1' }
    const main = join(inject('bareProject'), 'node_modules/instance-role/dist/cli/main.js')

    const [failure, ill] = await Promise.all([
      project.node(['whoami.js'], { ...env, ...IMPATIENT }),
      project.node([main, 'doctor'], { ...env, ...IMPATIENT }),
    ])
    const [, anchor = ''] = /docs\/errors\.md#(\w+)/.exec(failure.output) ?? []
    expect(readPage('docs/errors.md').toLowerCase()).toContain(`\n## ${anchor}\n`)
    expect(failure.status).toBe(1)

    const fix = /^ *fix *(aws ec2 modify-instance-metadata-options .*)$/m.exec(ill.output)?.[1] ?? ''
    const options = optionsIn(shellWords(fix))
    expect(ill.status).toBe(1)

    instance.modifyMetadataOptions({ hopLimit: Number(options.get('http-put-response-hop-limit')) })
    const [well, success] = await Promise.all([
      project.node([main, 'doctor'], env),
      project.node(['whoami.js'], env),
    ])
    expect(well.status).toBe(0)
    expect(success.output).toContain(':assumed-role/app-role/')
  },
)
