// Requests that no HTTP client sends.
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'

const piece = fc.oneof(
  fc.constantFrom(
    'GET',
    'PUT',
    ' ',
    '/credentials',
    '/healthz',
    ' HTTP/1.1\r\n',
    ' HTTP/1.0\r\n',
    '\r\n',
    '\n',
    '\0',
  ),
  fc.constantFrom(
    'Host: ',
    '127.0.0.1',
    ':',
    'Authorization: ',
    'Origin: x',
    'Content-Length: ',
    '7',
    'chunked',
  ),
  fc.constantFrom(
    'Transfer-Encoding: ',
    'Connection: upgrade\r\nUpgrade: h2c',
    'CONNECT x:1',
    'PRI * HTTP/2.0',
  ),
  fc.string({ maxLength: 20 }),
)

const edit = fc.record({
  at: fc.nat(90),
  drop: fc.nat(4),
  insert: fc.oneof(piece, fc.constantFrom(' ', '\t', '\r', '\0', ':', ',', '\u00ff')),
})

/** A request for credentials without the token, with some of its bytes changed. */
function changedRequest(port: number): fc.Arbitrary<string> {
  const request = lines('GET /credentials HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Authorization: wrong')
  return fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map((edits) =>
      edits.reduce(
        (text, { at, drop, insert }) => text.slice(0, at) + insert + text.slice(at + drop),
        request,
      ),
    )
}

/** Bytes that are nearly a request, or nothing like it. */
export function oddRequest(port: number): fc.Arbitrary<string> {
  const pieces = fc.array(piece, { minLength: 1, maxLength: 15 }).map((all) => all.join(''))
  return fc.oneof(pieces, changedRequest(port))
}

/** Bytes that make a server answer or give up, whatever came before. */
export function ending(port: number): string {
  return `${lines('', `Host: 127.0.0.1:${port}`, 'Connection: close')}${lines('GET / HTTP/1.0')}\r\n\r\n`
}

/** Everything that the server sends for these bytes until it ends the connection. */
export async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(Buffer.from(bytes, 'latin1'))
  return text(socket).catch(() => '')
}

/** The lines of a request, and the empty one after them. */
export function lines(...fields: readonly string[]): string {
  return [...fields, '', ''].join('\r\n')
}
