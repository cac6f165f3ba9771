import { http, type RequestHandler } from 'msw'
import type { EmulatedAws } from './emulated-aws.js'
import type { ReceivedRequest } from './received-request.js'

/** Creates msw handlers that answer at every host of AWS, so that clients find their endpoints as on EC2. */
export function createAwsHandlers(aws: EmulatedAws): RequestHandler[] {
  return [
    http.all('https://*.amazonaws.com/*', async ({ request }) => {
      const { status, headers, body } = await aws.answer(await receive(request))
      return new Response(status === 204 ? null : Uint8Array.from(Buffer.from(body)), {
        status,
        ...(headers && { headers: { ...headers } }),
      })
    }),
  ]
}

async function receive(request: Request): Promise<ReceivedRequest> {
  const { pathname, searchParams, host } = new URL(request.url)
  return {
    method: request.method,
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: { host, ...Object.fromEntries(request.headers) },
    body: Buffer.from(await request.arrayBuffer()),
  }
}
