/** The beginning of an ES module that runs as a user whom no password file knows, such as that of a container. */
export const WITHOUT_HOME = `
  import os from 'node:os'
  import { syncBuiltinESMExports } from 'node:module'
  os.homedir = () => { throw new Error('uv_os_homedir returned ENOENT') }
  syncBuiltinESMExports()
`
