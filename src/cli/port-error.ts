import { codeOf } from '../runtime/member-of.js'

/** Says why a server cannot listen on a port, to end a sentence. */
export function describePortError(error: unknown): string {
  const code = codeOf(error)
  if (code === 'EADDRINUSE') return 'it is in use; take another with --port'
  return code === 'EACCES' ? 'it is not permitted; take another with --port' : String(code)
}
