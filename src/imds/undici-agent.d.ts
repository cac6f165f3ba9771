// The Agent's own module: undici's main entry installs its Agent behind the application's global fetch
// (docs/discoveries.md). It has no declarations of its own.
declare module 'undici/lib/dispatcher/agent.js' {
  import { Agent } from 'undici'

  export default Agent
}
