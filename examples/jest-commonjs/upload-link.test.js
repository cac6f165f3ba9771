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

test('signs the link with the credentials of the role, for 15 minutes', async () => {
  const link = new URL(await createUploadLink('cat.png'))
  expect(link.origin + link.pathname).toBe('https://pictures.s3.eu-central-1.amazonaws.com/cat.png')
  expect(link.searchParams.get('X-Amz-Expires')).toBe('900')
  expect(signerOf(link.href)).toBe(instance.credentials?.accessKeyId)
})

test('sends IMDS three requests, however many links it creates', async () => {
  await Promise.all(['cat.png', 'dog.png', 'fish.png'].map(createUploadLink))
  expect(instance.requests).toHaveLength(3)
})

test('still creates links while IMDS is down', async () => {
  const before = await createUploadLink('cat.png')
  instance.failUntilLifted('all', { status: 503 })
  expect(signerOf(await createUploadLink('dog.png'))).toBe(signerOf(before))
})

test('fails with NO_ROLE if the instance has no role', async () => {
  instance.disassociateProfile()
  await expect(createUploadLink('cat.png')).rejects.toMatchObject({ code: 'NO_ROLE' })
})
