/** Gives a class its name where a minifier has taken it: `util.inspect` shows it, and with it every stack trace of an error. */
export function keepName(it: object, name: string): void {
  Object.defineProperty(it, 'name', { value: name, configurable: true })
}
