import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { fromInstanceMetadataRegion, fromInstanceRole } from 'instance-role'
import { loadSettings } from './load-settings.js'

const ssm = new SSMClient({
  region: fromInstanceMetadataRegion(),
  // The settings are read at boot, when the role of a new instance may not be there yet: wait for it for a minute.
  credentials: fromInstanceRole({ waitForRole: 60_000 }),
})

// A deployment has stored these before.
const parameters = { 'db/host': 'db.internal', 'db/user': 'shop', 'mail/from': 'shop@example.com' }
for (const [name, Value] of Object.entries(parameters))
  await ssm.send(new PutParameterCommand({ Name: `/shop/${name}`, Value, Type: 'SecureString' }))

const settings = await loadSettings(ssm, '/shop')
for (const [name, value] of settings) console.log(`${name} = ${value}`)
