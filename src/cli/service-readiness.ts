import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * Tell systemd that this service is ready, where it asks to be told (`Type=notify`, `NotifyAccess=all`). Node has no datagram sockets of
 * the kind that it takes, so systemd's own command sends the message.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd-notify.html
 * @throws where there is no `systemd-notify`
 */
export async function notifyReady(): Promise<void> {
  if (!process.env['NOTIFY_SOCKET']) return
  await promisify(execFile)('systemd-notify', ['--ready'])
}
