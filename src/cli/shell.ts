import { posix, win32 } from 'node:path'

/** The shells that `emulate` can write lines for. */
export const SHELLS = ['sh', 'powershell'] as const

export type Shell = (typeof SHELLS)[number]

/** Guesses the shell that reads the output: PowerShell on Windows, unless `SHELL` names another one, as Git Bash does. */
export function guessShell(env: Readonly<Record<string, string | undefined>>, platform: string): Shell {
  const named = (platform === 'win32' ? win32 : posix).basename(env['SHELL'] ?? '')
  if (/^(?:pwsh|powershell)\b/.test(named)) return 'powershell'
  return platform === 'win32' && named === '' ? 'powershell' : 'sh'
}

/** Returns the line that sets a variable for the programs that the shell starts. */
export function exportLine(shell: Shell, name: string, value: string): string {
  return shell === 'sh' ? `export ${name}=${value}` : `$env:${name} = '${value.replaceAll("'", "''")}'`
}
