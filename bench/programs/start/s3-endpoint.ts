/** The endpoint of the emulated S3, and any region. */
export function s3Endpoint(): { readonly endpoint: string; readonly region: string } {
  return { endpoint: process.env['BENCH_S3_ENDPOINT'] ?? '', region: 'eu-central-1' }
}
