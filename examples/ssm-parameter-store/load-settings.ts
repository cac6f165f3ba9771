import { paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm'

/** Loads the parameters below `path`, decrypted. `/shop/db/host` is `db/host` of `/shop`. */
export async function loadSettings(ssm: SSMClient, path: string): Promise<Map<string, string>> {
  const settings = new Map<string, string>()
  const pages = paginateGetParametersByPath(
    { client: ssm },
    { Path: path, Recursive: true, WithDecryption: true },
  )
  for await (const { Parameters = [] } of pages)
    for (const { Name = '', Value = '' } of Parameters) settings.set(Name.slice(path.length + 1), Value)
  return settings
}
