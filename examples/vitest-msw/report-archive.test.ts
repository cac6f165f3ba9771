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

let world: ReturnType<typeof setup>
beforeEach(() => {
  world = setup()
})
afterEach(() => world.close())

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

test('stores a report as the role of the instance', async () => {
  const { archive, instance, uploads } = world
  await archive.store('2030.txt', 'all is well')
  expect(uploads).toEqual([
    { url: expect.stringContaining('/2030.txt') as string, accessKeyId: instance.credentials?.accessKeyId },
  ])
})

test('asks IMDS three times for a day’s first ten reports', async () => {
  const { archive, instance, uploads } = world
  for (let number = 1; number <= 10; number++) await archive.store(`${number}.txt`, 'all is well')
  expect(uploads).toHaveLength(10)
  expect(instance.requests).toHaveLength(3)
})

test('goes on storing while IMDS is down', async () => {
  const { archive, clock, instance, uploads } = world
  await archive.store('before.txt', 'all is well')
  instance.failUntilLifted('all', 'silence')
  await clock.advance(4 * HOUR_MS)
  await archive.store('meanwhile.txt', 'all is well')
  expect(uploads).toHaveLength(2)
})

test('stores with newer credentials where S3 finds the old ones expired', async () => {
  const { archive, instance, refused, uploads } = world
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

test('says what to do where the instance has no role', async () => {
  const { archive, instance } = world
  instance.disassociateProfile()
  await expect(archive.store('2030.txt', 'all is well')).rejects.toThrow(ArchiveUnavailable)
  await expect(archive.store('2030.txt', 'all is well')).rejects.toThrow('associate-iam-instance-profile')
})
