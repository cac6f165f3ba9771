// As default-credentials.mjs, in CommonJS.
const { S3Client } = require('@aws-sdk/client-s3')
const { fromContainerMetadata } = require('@aws-sdk/credential-providers')

const outcomeOf = (provider) =>
  provider().then(
    ({ accessKeyId }) => accessKeyId,
    ({ name, code, message }) => ({ name, code, message }),
  )

async function main() {
  const client = new S3Client({ region: 'eu-central-1' })
  const isContainer = Boolean(process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI)
  console.log(
    JSON.stringify({
      client: await outcomeOf(client.config.credentials),
      ...(isContainer && { container: await outcomeOf(fromContainerMetadata()) }),
    }),
  )
}

main()
