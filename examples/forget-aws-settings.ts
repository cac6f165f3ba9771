import { devNull } from 'node:os'

/** An instance fresh from its launch has no AWS settings; a laptop may have, and they would decide. */
export function forgetAwsSettings(): void {
  for (const name of Object.keys(process.env))
    if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name)
  process.env['AWS_CONFIG_FILE'] = devNull
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = devNull
  // On Node 20 the SDK announces its end of support, which is not what is shown here.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
}
