/** Whether the value of `no_proxy` exempts the endpoint: by host, domain, `host:port`, address, CIDR block or `*`. */
export function isExempt(noProxy: string, endpoint: string): boolean {
  const { hostname, port, protocol } = new URL(endpoint)
  const target = { host: bare(hostname), port: port || (protocol === 'https:' ? '443' : '80') }
  const entries = noProxy.split(/[\s,]+/).filter((entry) => entry !== '')
  return entries.some((entry) => covers(entry.toLowerCase(), target))
}

interface Target {
  readonly host: string
  readonly port: string
}

function covers(entry: string, { host, port }: Target): boolean {
  if (entry === '*') return true
  const [, block, length] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? []
  if (block !== undefined) return isInBlock(host, block, Number(length))
  const { host: named, port: onlyPort = port } = splitPort(entry)
  return onlyPort === port && (isSameAddress(host, named) || isInDomain(host, named))
}

/** The last colon of an IPv6 address without brackets does not separate a port. */
function splitPort(entry: string): { host: string; port?: string } {
  const [, host, port] = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(entry) ?? []
  return host === undefined || port === undefined ? { host: bare(entry) } : { host: bare(host), port }
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '')
}

/** `example.com`, `.example.com` and `*.example.com` all mean the domain. */
function isInDomain(host: string, named: string): boolean {
  const domain = named.replace(/^\*?\./, '')
  return host === domain || (domain !== '' && bitsOf(host) === undefined && host.endsWith(`.${domain}`))
}

function isSameAddress(host: string, named: string): boolean {
  const bits = bitsOf(named)
  return bits !== undefined && bits === bitsOf(host)
}

function isInBlock(host: string, block: string, length: number): boolean {
  const [hostBits, blockBits] = [bitsOf(host), bitsOf(bare(block))]
  if (hostBits?.length !== blockBits?.length || blockBits === undefined || length > blockBits.length)
    return false
  return hostBits?.startsWith(blockBits.slice(0, length)) === true
}

/** Returns an address as 32 or 128 binary digits, or `undefined` for a name. */
function bitsOf(host: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) return binary(host.split('.').map(Number), 8)
  if (!host.includes(':')) return undefined
  // The URL standard has one spelling for each IPv6 address.
  const canonical = URL.canParse(`http://[${host}]`) ? bare(new URL(`http://[${host}]`).hostname) : undefined
  return canonical === undefined ? undefined : binary(groupsOf(canonical), 16)
}

function groupsOf(canonical: string): number[] {
  const [before = [], after = []] = canonical
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16))
}

function binary(numbers: readonly number[], digits: number): string {
  return numbers.map((number) => number.toString(2).padStart(digits, '0')).join('')
}
