/** With one of these variables, the chain has more to try after IMDS. */
const LATER_LINKS = [
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]

/** Whether the caller is a client's default chain, which passes the client's configuration, and has nothing to try after IMDS. */
export function isLastLink(init: object): boolean {
  const isClientChain = 'parentClientConfig' in init && init.parentClientConfig !== undefined
  // In the chain, a profile with `credential_source` comes before web identity and containers.
  return isClientChain && !LATER_LINKS.some((name) => Boolean(process.env[name]))
}
