// The modules that a tool needs, as CommonJS loads them.
const { fromInstanceRole } = require('instance-role')
const { createTestClock, emulateInstance } = require('instance-role/testing')

const REQUIRES = {
  MockAgent: () => ({ MockAgent: require('undici').MockAgent }),
  msw: () => ({ setupServer: require('msw/node').setupServer }),
  nock: () => inactive(require('nock')),
}

/** nock mocks from its import on; each test activates it. */
function inactive(nock) {
  nock.restore()
  return { nock }
}

function modulesOf(tool) {
  return { fromInstanceRole, emulateInstance, createTestClock, ...REQUIRES[tool]?.() }
}

module.exports = { modulesOf }
