import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { expect, onTestFinished, test } from 'vitest'
import { loadSettings } from '../../examples/ssm-parameter-store/load-settings.js'
import { fromInstanceRole } from '../../src/index.js'
import { onEc2 } from './on-ec2.js'

test('reads every page of parameters below the path, and no others', async () => {
  const { aws } = await onEc2()
  const ssm = new SSMClient({ region: 'eu-central-1', credentials: fromInstanceRole() })
  onTestFinished(() => ssm.destroy())
  const names = Array.from({ length: 25 }, (_, index) => `flag/${index}`)
  const put = (Name: string) =>
    ssm.send(new PutParameterCommand({ Name, Value: `value of ${Name}`, Type: 'String' }))
  await Promise.all([...names.map((name) => put(`/shop/${name}`)), put('/shopping/list')])
  const settings = await loadSettings(ssm, '/shop')
  expect(settings).toEqual(new Map(names.map((name) => [name, `value of /shop/${name}`])))
  const reads = aws.requests.filter(({ operation }) => operation === 'GetParametersByPath')
  expect(reads).toHaveLength(3)
})
