/** Where the runner listens in place of S3. */
export function s3Endpoint(): { readonly endpoint: string; readonly region: string } {
  return { endpoint: process.env['BENCH_S3_ENDPOINT'] ?? '', region: 'eu-central-1' }
}
