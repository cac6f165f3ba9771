// @ts-check
const { afterAll, afterEach, beforeAll, expect, test } = require('@jest/globals')
const { emulateInstance, resetInstanceRole } = require('instance-role/testing')
const { createUploadLink } = require('./upload-link.js')

const instance = emulateInstance({ roleName: 'picture-desk' })

beforeAll(async () => {
  const { env } = await instance.listen()
  Object.assign(process.env, env)
})
afterEach(() => {
  instance.clearFaults()
  instance.clearRequests()
  instance.attachRole('picture-desk')
  resetInstanceRole()
})
afterAll(() => instance.close())

/** @param {string} link */
function signerOf(link) {
  return new URL(link).searchParams.get('X-Amz-Credential')?.split('/')[0]
}

test('signs the link as the role of the instance, for a quarter of an hour', async () => {
  const link = new URL(await createUploadLink('cat.png'))
  expect(link.origin + link.pathname).toBe('https://pictures.s3.eu-central-1.amazonaws.com/cat.png')
  expect(link.searchParams.get('X-Amz-Expires')).toBe('900')
  expect(signerOf(link.href)).toBe(instance.credentials?.accessKeyId)
})

test('asks IMDS three times for any number of links', async () => {
  await Promise.all(['cat.png', 'dog.png', 'fish.png'].map(createUploadLink))
  expect(instance.requests).toHaveLength(3)
})

test('goes on making links while IMDS is down', async () => {
  const before = await createUploadLink('cat.png')
  instance.failUntilLifted('all', { status: 503 })
  expect(signerOf(await createUploadLink('dog.png'))).toBe(signerOf(before))
})

test('says what is wrong where the instance has no role', async () => {
  instance.disassociateProfile()
  await expect(createUploadLink('cat.png')).rejects.toMatchObject({ code: 'NO_ROLE' })
})
