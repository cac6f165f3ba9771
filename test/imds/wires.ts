import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Agent as Agent6 } from 'undici-6'
import { Agent as Agent7 } from 'undici'
import { inject } from 'vitest'
import { dispatcherTransport } from '../../src/imds/dispatcher-transport.js'
import { httpTransport } from '../../src/imds/http-transport.js'
import type { Transport } from '../../src/imds/transport.js'
import type { ImdsDispatcher } from '../../src/config/options.js'
import { systemRuntime } from '../../src/runtime/runtime.js'
import { RUNS_NEWER_PACKAGES } from '../package/newer-packages.js'

/** Both implementations of the port; the dispatcher's with each undici that runs on this Node. */
export interface Wire extends AsyncDisposable {
  readonly transport: Transport
}

type Owned = ImdsDispatcher & { destroy(): Promise<void> }

function through(dispatcher: Owned): Wire {
  return {
    transport: dispatcherTransport(systemRuntime, dispatcher),
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}

/** Its own types are held to ours in test/package/types.test.ts. */
export function loadUndici8(): object {
  const undici: unknown = createRequire(join(inject('newerProject'), 'tests.js'))('undici')
  if (typeof undici !== 'object' || undici === null) throw new Error('undici 8 is not installed')
  return undici
}

function agentOfUndici8(): Owned {
  const { Agent } = loadUndici8() as { readonly Agent: new () => Owned }
  return new Agent()
}

/** undici 8 needs Node 22.19. */
export const HAS_UNDICI_8 = RUNS_NEWER_PACKAGES

export type OpenWire = () => Promise<Wire>

export const WIRES: readonly { readonly wire: string; readonly open: OpenWire }[] = [
  {
    wire: 'node:http',
    open: () =>
      Promise.resolve({
        transport: httpTransport(systemRuntime),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  },
  { wire: 'undici 6', open: () => Promise.resolve(through(new Agent6())) },
  { wire: 'undici 7', open: () => Promise.resolve(through(new Agent7())) },
  ...(RUNS_NEWER_PACKAGES
    ? [{ wire: 'undici 8', open: () => Promise.resolve(through(agentOfUndici8())) }]
    : []),
]
