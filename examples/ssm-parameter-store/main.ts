import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { fromInstanceMetadataRegion, fromInstanceRole } from 'instance-role'
import { loadSettings } from './load-settings.js'

const ssm = new SSMClient({
  region: fromInstanceMetadataRegion(),
  // Settings are read at boot, when the role of a new instance may not have appeared yet: keep looking for a minute.
  credentials: fromInstanceRole({ waitForRole: 60_000 }),
})

// What a deployment has done before.
const parameters = { 'db/host': 'db.internal', 'db/user': 'shop', 'mail/from': 'shop@example.com' }
for (const [name, Value] of Object.entries(parameters))
  await ssm.send(new PutParameterCommand({ Name: `/shop/${name}`, Value, Type: 'SecureString' }))

const settings = await loadSettings(ssm, '/shop')
for (const [name, value] of settings) console.log(`${name} = ${value}`)
