import { test } from 'vitest'
import { cellsOf } from './cells.cjs'
import { modulesOf } from './modules.mjs'

const tool = process.env.TOOL
for (const [name, prove] of cellsOf(tool, await modulesOf(tool))) test(name, prove)
