import type * as NodeBuffer from 'node:buffer'
import type * as NodeDiagnosticsChannel from 'node:diagnostics_channel'
import type { setMaxListeners } from 'node:events'
import type * as NodeTimers from 'node:timers'

// Node's modules that the library needs at import. A static `import` would be slower: it makes Node read every export of a module,
// and load modules that Node otherwise loads later.

export const buffer: typeof NodeBuffer = process.getBuiltinModule('node:buffer')
export const diagnosticsChannel: typeof NodeDiagnosticsChannel =
  process.getBuiltinModule('node:diagnostics_channel')
export const events: { readonly setMaxListeners: typeof setMaxListeners } =
  process.getBuiltinModule('node:events')
export const timers: typeof NodeTimers = process.getBuiltinModule('node:timers')
