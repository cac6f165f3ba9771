const { test } = require('@jest/globals')
const { cellsOf } = require('./cells.cjs')
const { modulesOf } = require('./modules.cjs')

for (const tool of process.env.TOOLS.split(','))
  for (const [name, prove] of cellsOf(tool, modulesOf(tool))) test(name, prove)
