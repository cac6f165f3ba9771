// The default credentials of one client, and those of a container, or the error that its caller gets.
import { S3Client } from '@aws-sdk/client-s3'
import { fromContainerMetadata } from '@aws-sdk/credential-providers'

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

// No `await` at the top: chunks of a bundle that import this one again would wait for it, and it for them.
main()
