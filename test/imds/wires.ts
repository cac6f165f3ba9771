import { Agent as Agent6 } from 'undici-6'
import { Agent as Agent7 } from 'undici'
import { dispatcherTransport } from '../../src/imds/dispatcher-transport.js'
import { httpTransport } from '../../src/imds/http-transport.js'
import type { Transport } from '../../src/imds/transport.js'
import type { ImdsDispatcher } from '../../src/options.js'
import { systemRuntime } from '../../src/runtime.js'

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

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
/** undici 8 needs Node 22.19. */
export const HAS_UNDICI_8 = major > 22 || (major === 22 && minor >= 19)

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
  ...(HAS_UNDICI_8
    ? [{ wire: 'undici 8', open: async () => through(new (await import('undici-8')).Agent()) }]
    : []),
]
