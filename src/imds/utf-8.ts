import { buffer } from '../runtime/builtins.js'

const BYTE_ORDER_MARK = '\ufeff'

/** Decodes `bytes` without a byte order mark. Returns `undefined` if they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (!buffer.isUtf8(bytes)) return undefined
  const text = buffer.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text
}
