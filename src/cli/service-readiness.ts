import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * Tells systemd that this service is ready, if systemd asks for it (`Type=notify`, `NotifyAccess=all`). systemd's own command sends
 * the message, because Node has no datagram sockets of the required kind.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd-notify.html
 * @throws if there is no `systemd-notify`
 */
export async function notifyReady(): Promise<void> {
  if (!process.env['NOTIFY_SOCKET']) return
  await promisify(execFile)('systemd-notify', ['--ready'])
}
