// @ts-check
const { PutObjectCommand, S3Client } = require('@aws-sdk/client-s3')
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner')
const { fromInstanceRole } = require('instance-role')

const LINK_SECONDS = 900

const credentials = fromInstanceRole({ minTtl: LINK_SECONDS * 1_000 })
const s3 = new S3Client({ region: 'eu-central-1', credentials })

/**
 * Creates a link with which a browser uploads a picture to S3, valid for a quarter of an hour.
 *
 * @param {string} name
 * @returns {Promise<string>}
 */
function createUploadLink(name) {
  const picture = new PutObjectCommand({ Bucket: 'pictures', Key: name })
  return getSignedUrl(s3, picture, { expiresIn: LINK_SECONDS })
}

module.exports = { createUploadLink }
