// The modules that a tool needs, as an ES module loads them.
import { fromInstanceRole } from 'instance-role'
import { createTestClock, emulateInstance } from 'instance-role/testing'

const IMPORTS = {
  MockAgent: () => import('undici').then(({ MockAgent }) => ({ MockAgent })),
  msw: () => import('msw/node').then(({ setupServer }) => ({ setupServer })),
  nock: () => import('nock').then(({ default: nock }) => inactive(nock)),
}

/** nock mocks from its import on; each test activates it. */
function inactive(nock) {
  nock.restore()
  return { nock }
}

export async function modulesOf(tool) {
  return { fromInstanceRole, emulateInstance, createTestClock, ...(await IMPORTS[tool]?.()) }
}
