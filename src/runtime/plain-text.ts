/** Control and format characters, which can end a line, hide text or turn it round; line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** `text` in one line, with no control characters and no two spaces in a row. */
export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, ' ').replace(/ {2,}/g, ' ').trim()
}

/** At most `maxLength` characters of `text`, which ends in `…` where it was longer. */
export function cut(text: string, maxLength: number): string {
  const characters = Array.from(text)
  return characters.length <= maxLength ? text : `${characters.slice(0, maxLength - 1).join('')}…`
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids */
const ACCESS_KEY_ID = /A[SK]IA[A-Z0-9]{12,}/

/** As long as a secret access key, and of the letters that keys and tokens have; names, ARNs and links have others, or no digit. */
const LONG_WORD = /(?=[A-Za-z+/=]*\d)[A-Za-z0-9+/=]{40,}/g

/**
 * `text` as it may be quoted: in one line, at most `maxLength` characters, `…` in place of words as long as keys and tokens.
 * `undefined` where it holds an access key ID, or one of the `secrets` or half of one, also if that is spread over lines.
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

/** Half a secret is a secret, too. */
const RUN_LENGTH = 10

function sharesRun(text: string, secret: string): boolean {
  for (let at = 0; at + RUN_LENGTH <= text.length; at += 1)
    if (secret.includes(text.slice(at, at + RUN_LENGTH))) return true
  return false
}

/** Without what could be put between the letters of a secret. */
function squeeze(text: string): string {
  return text.replace(UNPRINTABLE, '').replace(/\s/g, '')
}

/**
 * `text` without the user, the query and the fragment of a URL. `undefined` where it is no URL, or a mangled one, and could hold a
 * password all the same.
 */
export function withoutPassword(text: string): string | undefined {
  const plain = isUrl(text) ? withoutUser(text) : text
  // In every form that becomes `@`, `?` or `#`.
  return /[@?#]|%40/i.test(plain.normalize('NFKC')) ? undefined : plain
}

function isUrl(text: string): boolean {
  return /^\s*[a-z][a-z\d+.-]*:\/\//i.test(text)
}

function withoutUser(text: string): string {
  try {
    const { protocol, host, pathname } = new URL(text)
    return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
  } catch {
    return text
  }
}
