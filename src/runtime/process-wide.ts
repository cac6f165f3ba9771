/**
 * The one property of `globalThis` through which all copies of this package in a process share what they hold, ESM and CJS
 * alike, and through which `instance-role/testing` hands them a clock. The number is that of the contract between
 * copies: it goes up when the shape of what is shared changes.
 */
export const PROCESS_WIDE: unique symbol = Symbol.for('instance-role@3')
