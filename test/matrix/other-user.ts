import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Unavailable } from './check.js'
import { requireSeen } from './expectation.js'
import { startServer, type ServerSettings } from './running-server.js'

/** The user that owns nothing, by convention. */
const OTHER = { uid: 65_534, gid: 65_534 }
const OWNER = { uid: 65_533, gid: 65_533 }

/** Tries what a process of another user can try; prints how each try ends. */
const ATTACK = `
  const fs = require('node:fs')
  const [tokenFile, pid, uri] = process.argv.slice(1)
  const outcome = (attempt) => {
    try {
      attempt()
      return 'done'
    } catch (error) {
      return error.code
    }
  }
  const outcomes = {
    readsToken: outcome(() => fs.readFileSync(tokenFile)),
    removesToken: outcome(() => fs.rmSync(tokenFile)),
    replacesToken: outcome(() => fs.writeFileSync(tokenFile, 'x')),
    seesEnvironment: outcome(() => fs.readFileSync('/proc/' + pid + '/environ')),
    seesMemory: outcome(() => fs.readFileSync('/proc/' + pid + '/maps')),
    opensDebugger: outcome(() => process.kill(Number(pid), 'SIGUSR1')),
  }
  require('node:http').get(uri, ({ statusCode }) => {
    console.log(JSON.stringify({ ...outcomes, asksWithoutToken: statusCode }))
    process.exit()
  })`

/** A server of one user, and a process of another, which gets neither the token nor the credentials. */
export async function proveOtherUser(settings: ServerSettings): Promise<string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) throw new Unavailable('takes root, on Linux')
  const { status } = spawnSync(process.execPath, ['--version'], { ...OTHER, cwd: '/' })
  if (status !== 0) throw new Unavailable(`other users cannot run ${process.execPath}`)
  // Other users can read both folders, so only the permissions of the file count.
  await chmod(dirname(settings.project), 0o755)
  const folder = await mkdtemp(join(tmpdir(), 'other-user-'))
  await chown(folder, OWNER.uid, OWNER.gid)
  await chmod(folder, 0o755)
  const server = await startServer({ ...settings, folder, user: OWNER })
  try {
    const args = ['--eval', ATTACK, server.tokenFile, String(server.child.pid), server.uri]
    const { stdout, stderr } = spawnSync(process.execPath, args, { ...OTHER, encoding: 'utf8', cwd: '/' })
    if (stdout === '') throw new Error(stderr)
    requireSeen(JSON.parse(stdout) as Record<string, unknown>, {
      ...{ readsToken: 'EACCES', removesToken: 'EACCES', replacesToken: 'EACCES' },
      ...{ seesEnvironment: 'EACCES', seesMemory: 'EACCES', opensDebugger: 'EPERM' },
      asksWithoutToken: 403,
    })
    return 'neither the token nor environment, memory, debugger or credentials'
  } finally {
    await server.kill()
  }
}
