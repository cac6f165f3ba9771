import { expect, test } from 'vitest'
import { listeningInstance, outputOf } from './child.js'

const IMPORT = {
  mjs: "const { fromInstanceRole } = await import('instance-role')",
  cjs: "const { fromInstanceRole } = require('instance-role')",
}

test.each(['mjs', 'cjs'] as const)(
  'loads once for all providers of a copy if globalThis was frozen after import, from .%s',
  async (format) => {
    const { instance, server } = await listeningInstance()
    const source = `async function main() {
      ${IMPORT[format]}
      // Node 20 fills in its own lazy globals at their first use, and fails where it cannot.
      for (const name of Object.getOwnPropertyNames(globalThis)) void globalThis[name]
      Object.freeze(globalThis)
      const keys = await Promise.all([fromInstanceRole()(), fromInstanceRole()()])
      console.log(JSON.stringify(keys.map(({ accessKeyId }) => accessKeyId)))
    }
    main()`
    const { accessKeyId } = instance.credentials ?? {}
    expect(await outputOf({ source, format, env: server.env })).toEqual([accessKeyId, accessKeyId])
    expect(instance.requests).toHaveLength(3)
  },
)
