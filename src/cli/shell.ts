import { posix, win32 } from 'node:path'

/** The shells whose lines `emulate` can write. */
export const SHELLS = ['sh', 'powershell'] as const

export type Shell = (typeof SHELLS)[number]

/** The shell that most likely reads the output: on Windows PowerShell, unless `SHELL` names another as Git Bash sets it. */
export function guessShell(env: Readonly<Record<string, string | undefined>>, platform: string): Shell {
  const named = (platform === 'win32' ? win32 : posix).basename(env['SHELL'] ?? '')
  if (/^(?:pwsh|powershell)\b/.test(named)) return 'powershell'
  return platform === 'win32' && named === '' ? 'powershell' : 'sh'
}

/** The line that sets a variable for the programs that a shell starts. */
export function exportLine(shell: Shell, name: string, value: string): string {
  return shell === 'sh' ? `export ${name}=${value}` : `$env:${name} = '${value.replaceAll("'", "''")}'`
}
