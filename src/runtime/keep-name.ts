/** Restores the name of a class after minification: `util.inspect` and stack traces show it. */
export function keepName(it: object, name: string): void {
  Object.defineProperty(it, 'name', { value: name, configurable: true })
}
