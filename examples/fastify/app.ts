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

/** An app with one provider and one client for all its routes, both closed with it. */
export function createApp(): FastifyInstance {
  const app = fastify()
  const credentials = fromInstanceRole()
  const sts = new STSClient({ region: fromInstanceMetadataRegion(), credentials })
  app.decorate('credentials', credentials)
  app.decorate('sts', refreshOnExpiredToken(sts, credentials))
  // After the last request has been answered.
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
    // Costs IMDS nothing while the credentials are good; what comes of it is in the status.
    await app.credentials().catch(() => {})
    const status = app.credentials.status()
    return reply.code(status.state === 'failing' ? 503 : 200).send(status)
  })
}
