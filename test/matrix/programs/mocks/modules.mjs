// As an ES module loads them.
import { fromInstanceRole } from 'instance-role'
import { emulateInstance } from 'instance-role/testing'

const IMPORTS = {
  MockAgent: async () => ({ MockAgent: (await import('undici')).MockAgent }),
  msw: async () => ({ setupServer: (await import('msw/node')).setupServer }),
  nock: async () => ({ nock: (await import('nock')).default }),
}

/** The modules that a tool needs. */
export async function modulesOf(tool) {
  return { fromInstanceRole, emulateInstance, ...(await IMPORTS[tool]?.()) }
}
