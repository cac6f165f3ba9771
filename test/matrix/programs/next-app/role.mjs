import { fromInstanceRole } from 'instance-role'

const credentials = fromInstanceRole()

export async function accessKeyId(options) {
  return (await credentials(options)).accessKeyId
}
