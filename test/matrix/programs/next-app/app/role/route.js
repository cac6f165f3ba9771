// A `fetch` of its own shows that this route's requests are stored, and that the search finds what is.
import { accessKeyId } from '../../role.mjs'

export const fetchCache = 'force-cache'

export async function GET(request) {
  const forceRefresh = request.nextUrl.searchParams.has('refresh')
  const planted = await fetch(process.env.PLANTED_URL)
  await planted.text()
  return new Response(await accessKeyId({ forceRefresh }))
}
