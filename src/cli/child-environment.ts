type Env = Readonly<Record<string, string | undefined>>

/** The variables that SDKs prefer to the ones set here. */
const PREFERRED = ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']

/**
 * Returns the environment of a command that uses the server: `env`, with the variables of the container credentials protocol.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
export function childEnvironment(env: Env, { uri, token }: { uri: string; token: string }): Env {
  const kept = Object.entries(env).filter(([name]) => !PREFERRED.includes(name))
  return {
    ...Object.fromEntries(kept),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
  }
}
