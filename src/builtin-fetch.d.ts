import type { FetchInit } from './runtime.js'

// Node's own fetch takes a dispatcher of undici 7, which the types of Node 20 do not know.
declare global {
  function fetch(url: string, init: FetchInit): Promise<Response>
}
