import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import fastify, { type FastifyInstance } from 'fastify'
import {
  fromInstanceMetadataRegion,
  fromInstanceRole,
  type InstanceRoleProvider,
  refreshOnExpiredToken,
} from 'instance-role'

declare module 'fastify' {
  interface FastifyInstance {
    readonly credentials: InstanceRoleProvider
    readonly sts: STSClient
  }
}

/** Creates an app with one provider and one client for all its routes. Both are closed with the app. */
export function createApp(): FastifyInstance {
  const app = fastify()
  const credentials = fromInstanceRole()
  const sts = new STSClient({ region: fromInstanceMetadataRegion(), credentials })
  app.decorate('credentials', credentials)
  app.decorate('sts', refreshOnExpiredToken(sts, credentials))
  // Runs after the last request was answered.
  app.addHook('onClose', async () => {
    sts.destroy()
    await credentials.close()
  })
  addRoutes(app)
  return app
}

function addRoutes(app: FastifyInstance): void {
  app.get('/whoami', async () => {
    const { Arn } = await app.sts.send(new GetCallerIdentityCommand({}))
    return { arn: Arn }
  })
  app.get('/health', async (_request, reply) => {
    // Sends no request to IMDS while the credentials are valid. The status shows the result.
    await app.credentials().catch(() => {})
    const status = app.credentials.status()
    return reply.code(status.state === 'failing' ? 503 : 200).send(status)
  })
}
