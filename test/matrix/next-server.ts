import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanEnvironment } from './child-process.js'

const START_LIMIT_MS = 60_000
const ASK_LIMIT_MS = 20_000
const PAUSE_MS = 300

/** A built application of Next.js, served in its own process. */
export interface NextServer extends AsyncDisposable {
  /** The text at the path. */
  get(path: string): Promise<string>
  /** Requests the page until it has the expected text. */
  until(path: string, isWanted: (text: string) => boolean): Promise<void>
}

export async function startNextServer(
  app: string,
  env: Readonly<Record<string, string>>,
): Promise<NextServer> {
  const args = [join(app, '../node_modules/next/dist/bin/next'), 'start', '-H', '127.0.0.1', '-p', '0']
  const child = spawn(process.execPath, args, { cwd: app, env: { ...cleanEnvironment(), ...env } })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill()
    await once(child, 'exit')
  }
  const origin = await originOf(child).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  const get = async (path: string): Promise<string> => {
    const response = await fetch(origin + path, { signal: AbortSignal.timeout(ASK_LIMIT_MS) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} ${response.status}\n${text}`)
    return text
  }
  const until: NextServer['until'] = async (path, isWanted) => {
    const endAt = performance.now() + ASK_LIMIT_MS
    while (!isWanted(await get(path))) {
      if (performance.now() > endAt) throw new Error(`${path} stays as it was`)
      await sleep(PAUSE_MS)
    }
  }
  return { get, until, [Symbol.asyncDispose]: stop }
}

/** The origin that it prints when it is ready. */
async function originOf(child: ChildProcess): Promise<string> {
  let printed = ''
  const ready = new Promise<string>((resolve, reject) => {
    const read = (bytes: Buffer): void => {
      printed += bytes.toString()
      const [origin] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? []
      if (origin !== undefined && printed.includes('Ready in')) resolve(origin)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`next start ended\n${printed}`)))
  })
  const late = sleep(START_LIMIT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`next start is not ready after ${START_LIMIT_MS} ms\n${printed}`)
  })
  return Promise.race([ready, late])
}
