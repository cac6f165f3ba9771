/** With one of these, the chain has credentials to try after the instance's. */
const LATER_LINKS = [
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]

/** Whether a client's default chain asks, which gives its configuration, and has nothing to try after IMDS. */
export function isLastLink(init: object): boolean {
  const isClientChain = 'parentClientConfig' in init && init.parentClientConfig !== undefined
  // A profile with `credential_source` comes before web identity and containers in the chain.
  return isClientChain && !LATER_LINKS.some((name) => Boolean(process.env[name]))
}
