import type { Command } from './command.js'

/** `instance-role emulate`: an EC2 instance's metadata service on a loopback port. */
export const emulate: Command = {
  name: 'emulate',
  summary: "serves an emulated instance's metadata service on a loopback port",
  run: () => Promise.resolve(0),
}
