/** `bytes` as text; `undefined` where they are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // No binding: what cannot be decoded can still be a secret.
    return undefined
  }
}
