import { test } from 'node:test'
import { cellsOf } from './cells.cjs'
import { modulesOf } from './modules.mjs'

for (const tool of process.env.TOOLS.split(','))
  for (const [name, prove] of cellsOf(tool, await modulesOf(tool))) test(name, prove)
