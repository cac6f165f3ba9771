const { test } = require('@jest/globals')
const { fromInstanceRole } = require('instance-role')
const { emulateInstance } = require('instance-role/testing')
const { cellsOf } = require('./cells.cjs')

const REQUIRES = {
  MockAgent: () => ({ MockAgent: require('undici').MockAgent }),
  msw: () => ({ setupServer: require('msw/node').setupServer }),
  nock: () => ({ nock: require('nock') }),
}

const tool = process.env.TOOL
const modules = { fromInstanceRole, emulateInstance, ...REQUIRES[tool]?.() }
for (const [name, prove] of cellsOf(tool, modules)) test(name, prove)
