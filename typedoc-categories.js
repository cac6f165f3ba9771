// A plugin of TypeDoc: the category of each exported name. `npm run docs` fails if a new name has none, or a name is gone.
import { Comment, CommentTag, Converter } from 'typedoc'

const CATEGORIES = {
  Credentials: [
    ...['fromInstanceRole', 'InstanceRoleProvider', 'InstanceRoleOptions', 'InstanceRoleCredentials'],
    ...['InstanceRoleCallProperties', 'ReadyOptions', 'InstanceRoleStatus', 'InstanceRoleState'],
  ],
  Errors: [
    ...['InstanceRoleError', 'InstanceRoleErrorCode', 'InstanceRoleErrorDetails', 'LoadStep', 'ErrorHint'],
    'ErrorNames',
  ],
  'Instance metadata': [
    ...['fromInstanceMetadataRegion', 'MetadataClient', 'MetadataClientOptions', 'MetadataReadOptions'],
    'IdentityDocument',
  ],
  'Expired tokens': [
    ...['refreshOnExpiredToken', 'getRefreshOnExpiredTokenPlugin', 'RefreshableProvider'],
    ...['RefreshOnExpiredTokenPlugin', 'SigningClient', 'SigningConfig'],
  ],
  Events: [
    ...['InstanceRoleEvents', 'InstanceRoleEventName', 'LoadEvent', 'EndedLoadEvent', 'CredentialsEvent'],
    'FailureEvent',
  ],
  'A dispatcher of yours': ['ImdsDispatcher', 'ImdsDispatcherRequest', 'ImdsDispatcherResponse'],
  'The emulated instance': [
    ...['emulateInstance', 'resetInstanceRole', 'EmulatedInstance', 'InstanceOptions', 'MetadataOptions'],
    'EmulatedRequest',
  ],
  Faults: ['Fault', 'FaultWord', 'Step', 'Outcome', 'Reply'],
  'How it is served': [
    ...['MswHandlers', 'ListenOptions', 'LoopbackServer', 'EmulatedDispatcher', 'DispatchedRequest'],
    'DispatchedResponse',
  ],
  'Roles and credentials': [
    ...[
      'iamRole',
      'instanceProfile',
      'IamRole',
      'IamRoleOptions',
      'InstanceProfile',
      'InstanceProfileOptions',
    ],
    ...['PolicyDocument', 'PolicyStatement', 'GivenCredentials', 'IssuedCredentials'],
  ],
  Clock: ['createTestClock', 'TestClock', 'TestClockOptions', 'Clock'],
}

/** Puts each export of a module into its category. */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const exported = project.children?.flatMap((module) => module.children ?? []) ?? []
    for (const reflection of exported) place(app, reflection)
    const known = new Set(exported.map(({ name }) => name))
    const gone = Object.values(CATEGORIES)
      .flat()
      .filter((name) => !known.has(name))
    for (const name of gone)
      app.logger.warn(`typedoc-categories.js has a category for ${name}, which is not exported`)
  })
}

function place(app, reflection) {
  const [category] = Object.entries(CATEGORIES).find(([, names]) => names.includes(reflection.name)) ?? []
  if (category === undefined) app.logger.warn(`${reflection.name} has no category in typedoc-categories.js`)
  const commented = reflection.signatures ?? [reflection]
  for (const one of commented) {
    one.comment ??= new Comment()
    one.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: category ?? 'Other' }]))
  }
}
