// One process, worker thread or cluster worker: loads from an emulated instance on a real socket, closes, and has nothing to do.
import cluster from 'node:cluster'
import { parentPort, workerData } from 'node:worker_threads'
import { fromInstanceRole } from '../../src/index.js'

const endpoint = String(workerData ?? process.env['ENDPOINT'])
const before = process.getActiveResourcesInfo()
const provider = fromInstanceRole({ endpoint })
const { accessKeyId } = await provider()
await Promise.all([provider(), provider({ forceRefresh: true })])
await provider.close()
// A destroyed socket reports that in the following turns.
for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
// Node opens the pipe of stderr when a socket is destroyed.
const left = process
  .getActiveResourcesInfo()
  .filter((resource) => !before.includes(resource) && resource !== 'PipeWrap')
const told = { accessKeyId, left }
if (parentPort !== null) parentPort.postMessage(told)
else if (cluster.isWorker) cluster.worker?.send(told, () => cluster.worker?.disconnect())
else if (process.send !== undefined) process.send(told, () => process.disconnect())
else process.stdout.write(JSON.stringify(told))
