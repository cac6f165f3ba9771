export const LISTING_PATH = '/latest/meta-data/iam/security-credentials/'

/** The requests of one load, as an emulated instance notes them. */
export const ONE_LOAD: readonly string[] = [
  'PUT /latest/api/token 200',
  `GET ${LISTING_PATH} 200`,
  `GET ${LISTING_PATH}app-role 200`,
]

/** The lines of requests in what `emulate` logs. */
export function requestLines(stderr: string): string[] {
  return stderr.split('\n').filter((line) => /^[A-Z]+ \//.test(line))
}
