import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The variable that names a config file, made in `folder`, with a setting of IMDS: for it the SDK's loader is loaded. */
export async function configFileIn(folder: string): Promise<{ readonly AWS_CONFIG_FILE: string }> {
  const path = join(folder, 'aws-config')
  await writeFile(path, '[default]\nmetadata_service_timeout = 1\n')
  return { AWS_CONFIG_FILE: path }
}
