/** Control and format characters, which can end a line, hide text or reverse it, and line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Returns `text` in one line, without control characters and repeated spaces. */
export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, ' ').replace(/ {2,}/g, ' ').trim()
}

/** Returns the non-empty lines of a listing, trimmed. */
export function parseLines(listing: string): string[] {
  const lines = listing.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '')
}

/** Returns at most `maxLength` characters of `text`, with `…` at the end if it was longer. */
export function cut(text: string, maxLength: number): string {
  const characters = Array.from(text)
  return characters.length <= maxLength ? text : `${characters.slice(0, maxLength - 1).join('')}…`
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids */
const ACCESS_KEY_ID = /A[SK]IA[A-Z0-9]{12,}/

/**
 * A word as long as a secret access key, made of the characters that keys and tokens consist of. Names, ARNs and links contain
 * other characters, or no digit.
 */
const LONG_WORD = /(?=[A-Za-z+/=]*\d)[A-Za-z0-9+/=]{40,}/g

/**
 * Returns `text` as it may be quoted in an error: in one line, at most `maxLength` characters, with `…` instead of words that look
 * like keys or tokens. Returns `undefined` if `text` contains an access key ID, or at least half of one of the `secrets`, even if
 * spread over several lines.
 */
export function quotable(
  text: string,
  maxLength: number,
  secrets: readonly string[] = [],
): string | undefined {
  const all = squeeze(text)
  const shown = cut(oneLine(text).replaceAll('"', "'").replace(LONG_WORD, '…'), maxLength)
  const known = secrets.map(squeeze).filter((secret) => secret !== '')
  const isTold = known.some((secret) => all.includes(secret) || sharesRun(squeeze(shown), secret))
  return isTold || ACCESS_KEY_ID.test(all) ? undefined : shown
}

/** Half of a secret is secret as well. */
const RUN_LENGTH = 10

function sharesRun(text: string, secret: string): boolean {
  for (let at = 0; at + RUN_LENGTH <= text.length; at += 1)
    if (secret.includes(text.slice(at, at + RUN_LENGTH))) return true
  return false
}

/** Removes everything that could separate the characters of a secret. */
function squeeze(text: string): string {
  return text.replace(UNPRINTABLE, '').replace(/\s/g, '')
}

/**
 * Returns `text` without the user info, query and fragment of a URL. Returns `undefined` if `text` is not a well-formed URL and
 * could contain a password.
 */
export function withoutPassword(text: string): string | undefined {
  const plain = isUrl(text) ? withoutUser(text) : text
  // Includes every character that NFKC turns into `@`, `?` or `#`.
  return /[@?#]|%40/i.test(plain.normalize('NFKC')) ? undefined : plain
}

function isUrl(text: string): boolean {
  return /^\s*[a-z][a-z\d+.-]*:\/\//i.test(text)
}

function withoutUser(text: string): string {
  const url = parseUrl(text)
  return url === undefined ? text : `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`
}

/** `URL.canParse` is missing from Jest 29's jsdom. */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
