import { openLaboratory } from './laboratory.js'
import { measureAll } from './measurements.js'
import { measurementsTable } from './results.js'
const lab = await openLaboratory()
console.log(measurementsTable(await measureAll(lab, { few: 2, many: 5 }, true)))
await lab[Symbol.asyncDispose]()
