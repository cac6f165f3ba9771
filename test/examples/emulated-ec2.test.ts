import { readdirSync, readFileSync } from 'node:fs'
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test, vi } from 'vitest'
import { onEc2 } from './on-ec2.js'

test('refuses requests to other hosts than IMDS, AWS and this machine', async () => {
  await onEc2()
  const complaint = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => complaint.mockRestore())
  await expect(fetch('https://example.com/')).rejects.toThrow()
  expect(complaint.mock.calls.flat().join()).toContain('https://example.com/')
})

test('reports that not everything was accepted if AWS refuses a call', async () => {
  const { describeTraffic, isAllAccepted } = await onEc2()
  const s3 = new S3Client({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'made up' },
  })
  onTestFinished(() => s3.destroy())
  await expect(s3.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  expect(isAllAccepted()).toBe(false)
  expect(describeTraffic().at(-1)).toBe(
    '  ListBuckets at s3.eu-central-1.amazonaws.com, signed by nobody known: unknown-key',
  )
})

test("removes a laptop's AWS settings", async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1')
  await onEc2()
  expect(process.env['AWS_EC2_METADATA_DISABLED']).toBeUndefined()
  expect(process.env['AWS_ENDPOINT_URL']).toBeUndefined()
  vi.unstubAllEnvs()
})

// Fails if what people copy works in this repository only.
test('imports the package by its name in every example, and nothing from the tests', () => {
  const folder = new URL('../../examples/', import.meta.url)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.[jt]s$/.test(path),
  )
  const imports = files.flatMap((path) => {
    const source = readFileSync(new URL(path, folder), 'utf8')
    return [...source.matchAll(/(?:from |require\()'([^']+)'/g)].map(([, name = '']) => name)
  })
  expect(imports.filter((name) => name.startsWith('instance-role')).length).toBeGreaterThan(10)
  expect(imports.filter((name) => /\.\.\/(src|test)\//.test(name))).toEqual([])
})
