// What Node prints of an error that nobody catches.
import { expect, test } from 'vitest'
import { listeningInstance, runProgram } from '../package/child.js'

const SOURCE = `
import { fromInstanceRole } from 'instance-role'
async function uploadReport() {
  await fromInstanceRole()()
}
await uploadReport()
`

/** Without the line of the package that throws, which changes with every build. */
function normalized(stderr: string): string {
  return stderr
    .slice(stderr.indexOf('InstanceRoleError: '))
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:40123')
    .replace(/file:\/\/\S*\//g, 'file:///')
    .replace(/Node\.js v\S+/, 'Node.js')
}

test('prints an uncaught error as one line with everything, and a stack that begins at the caller', async () => {
  const { instance, server } = await listeningInstance()
  instance.disassociateProfile()
  const { stderr } = await runProgram({ source: SOURCE, format: 'mjs', env: server.env })
  expect(stderr.trim()).toMatch(/InstanceRoleError: [^\n]*\n {4}at async uploadReport /)
  await expect(normalized(stderr)).toMatchFileSnapshot('shown/uncaught.txt')
})
