import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createDownloadLink } from '../../examples/presigned-url/download-link.js'
import { fromInstanceRole } from '../../src/index.js'
import { onEc2 } from './on-ec2.js'

const NOW = Date.UTC(2030, 0, 1)
const HOUR_SECONDS = 3_600
const REPORT = { Bucket: 'reports', Key: 'today.txt' }

/** A report in S3, six hours before the credentials of the instance end. */
async function setUp() {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW })
  const { aws, instance } = await onEc2()
  const credentials = fromInstanceRole()
  const s3 = new S3Client({ region: 'eu-central-1', credentials })
  onTestFinished(() => {
    s3.destroy()
    vi.useRealTimers()
  })
  await s3.send(new PutObjectCommand({ ...REPORT, Body: 'all is well' }))
  const linkFor = (seconds: number) => createDownloadLink({ s3, credentials }, REPORT, seconds)
  const passTo = (hours: number) => vi.setSystemTime(NOW + hours * HOUR_SECONDS * 1_000)
  const lastVerdict = () => aws.requests.at(-1)?.verdict
  return { instance, linkFor, passTo, lastVerdict }
}

test('makes a link that is valid for the requested time', async () => {
  const { linkFor, passTo, lastVerdict } = await setUp()
  const { url, expiresIn } = await linkFor(HOUR_SECONDS)
  expect(expiresIn).toBe(HOUR_SECONDS)
  passTo(0.99)
  const response = await fetch(url)
  expect(await response.text()).toBe('all is well')
  passTo(1)
  expect((await fetch(url)).status).toBe(403)
  expect(lastVerdict()).toBe('url-expired')
})

test('says when a link really expires, which is when its credentials do', async () => {
  const { linkFor, passTo, lastVerdict } = await setUp()
  const { url, expiresIn } = await linkFor(12 * HOUR_SECONDS)
  expect(expiresIn).toBe(6 * HOUR_SECONDS)
  passTo(5.99)
  expect((await fetch(url)).status).toBe(200)
  passTo(6)
  expect(await (await fetch(url)).text()).toContain('ExpiredToken')
  expect(lastVerdict()).toBe('expired')
})

test('waits for newer credentials if the cached ones expire too early', async () => {
  const { instance, linkFor, passTo } = await setUp()
  passTo(1)
  instance.clearRequests()
  const { expiresIn } = await linkFor(5.5 * HOUR_SECONDS)
  expect(expiresIn).toBe(5.5 * HOUR_SECONDS)
  expect(instance.requests).toHaveLength(1)
})

test('makes no link from extended credentials', async () => {
  const { instance, linkFor, passTo } = await setUp()
  instance.failUntilLifted('all', { status: 503 })
  passTo(7)
  await expect(linkFor(HOUR_SECONDS)).rejects.toThrow('no link can hold')
})
