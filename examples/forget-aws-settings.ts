import { devNull } from 'node:os'

/** Removes the AWS settings of a developer's machine: a new instance has none, and they would change the results. */
export function forgetAwsSettings(): void {
  for (const name of Object.keys(process.env))
    if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name)
  process.env['AWS_CONFIG_FILE'] = devNull
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = devNull
  // On Node 20, the SDK prints a warning about the end of support.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
}
