import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import fastify, { type FastifyInstance } from 'fastify'
import { fromInstanceRole, type InstanceRoleProvider, refreshOnExpiredToken } from '../../src/index.js'

declare module 'fastify' {
  interface FastifyInstance {
    readonly credentials: InstanceRoleProvider
    readonly sts: STSClient
  }
}

/** What the app is given; everything else it makes of these. */
export interface Environment {
  readonly region: string
  /** Base URL of IMDS, where it is not the instance's own. */
  readonly imdsEndpoint?: string
  /** Base URL of STS, where it is not AWS's own. */
  readonly stsEndpoint?: string
}

/** An app with one provider and one client for all its routes, both closed with it. */
export function createApp({ region, imdsEndpoint, stsEndpoint }: Environment): FastifyInstance {
  const app = fastify()
  const credentials = fromInstanceRole({ endpoint: imdsEndpoint })
  const sts = new STSClient({
    region,
    credentials,
    ...(stsEndpoint !== undefined && { endpoint: stsEndpoint }),
  })
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
  // Ready when there are credentials; asking costs IMDS nothing while they are good.
  app.get('/health', async (_request, reply) => {
    const ready = await app.credentials().then(
      () => true,
      () => false,
    )
    return reply.code(ready ? 200 : 503).send({ ready, credentials: app.credentials.status() })
  })
}
