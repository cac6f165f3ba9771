import type * as NodeBuffer from 'node:buffer'
import type * as NodeDiagnosticsChannel from 'node:diagnostics_channel'
import type { setMaxListeners } from 'node:events'
import type * as NodeTimers from 'node:timers'

// Node's own modules that the library needs when it is imported. `import` would take longer: for it, Node reads every export of a
// module, and loads those that it otherwise loads late.

export const buffer: typeof NodeBuffer = process.getBuiltinModule('node:buffer')
export const diagnosticsChannel: typeof NodeDiagnosticsChannel =
  process.getBuiltinModule('node:diagnostics_channel')
export const events: { readonly setMaxListeners: typeof setMaxListeners } =
  process.getBuiltinModule('node:events')
export const timers: typeof NodeTimers = process.getBuiltinModule('node:timers')
