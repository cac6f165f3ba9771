import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestClock, emulateInstance } from 'instance-role/testing'
import { ArchiveUnavailable, createReportArchive } from './report-archive.js'

const HOUR_MS = 3_600_000

const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

let context: ReturnType<typeof setup>
beforeEach(() => {
  context = setup()
})
afterEach(() => context.close())

/** The archive on an emulated instance, with an S3 that accepts every request. */
function setup() {
  const clock = createTestClock().install()
  const instance = emulateInstance({ clock, roleName: 'archivist' })
  const uploads: { url: string; accessKeyId: string }[] = []
  const refused = new Set<string>()
  const putObject = http.put('https://reports.s3.eu-central-1.amazonaws.com/*', ({ request }) => {
    const [, accessKeyId = ''] = /Credential=([^/]+)/.exec(request.headers.get('authorization') ?? '') ?? []
    if (refused.has(accessKeyId))
      return HttpResponse.xml('<Error><Code>ExpiredToken</Code></Error>', { status: 400 })
    uploads.push({ url: request.url, accessKeyId })
    return new HttpResponse()
  })
  server.use(...instance.handlers, putObject)
  const archive = createReportArchive('reports')
  const close = async () => {
    await archive.close()
    await instance.close()
    clock.release()
  }
  return { archive, clock, instance, refused, uploads, close }
}

test('stores a report with the credentials of the role', async () => {
  const { archive, instance, uploads } = context
  await archive.store('2030.txt', 'all is well')
  expect(uploads).toEqual([
    { url: expect.stringContaining('/2030.txt') as string, accessKeyId: instance.credentials?.accessKeyId },
  ])
})

test('sends IMDS three requests for ten reports', async () => {
  const { archive, instance, uploads } = context
  for (let number = 1; number <= 10; number++) await archive.store(`${number}.txt`, 'all is well')
  expect(uploads).toHaveLength(10)
  expect(instance.requests).toHaveLength(3)
})

test('still stores reports while IMDS is down', async () => {
  const { archive, clock, instance, uploads } = context
  await archive.store('before.txt', 'all is well')
  instance.failUntilLifted('all', 'silence')
  await clock.advance(4 * HOUR_MS)
  await archive.store('during-the-outage.txt', 'all is well')
  expect(uploads).toHaveLength(2)
})

test('stores with newer credentials if S3 says that the old ones have expired', async () => {
  const { archive, instance, refused, uploads } = context
  await archive.store('before.txt', 'all is well')
  const [before] = uploads
  refused.add(before?.accessKeyId ?? '')
  instance.rotate()
  await archive.store('after.txt', 'all is well')
  expect(uploads.map(({ accessKeyId }) => accessKeyId)).toEqual([
    before?.accessKeyId,
    instance.credentials?.accessKeyId,
  ])
})

test('says what to do if the instance has no role', async () => {
  const { archive, instance } = context
  instance.disassociateProfile()
  await expect(archive.store('2030.txt', 'all is well')).rejects.toThrow(ArchiveUnavailable)
  await expect(archive.store('2030.txt', 'all is well')).rejects.toThrow('associate-iam-instance-profile')
})
