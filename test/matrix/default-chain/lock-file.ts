import { OFFICIAL, OVERRIDE } from '../../registry/npm-project.js'
import type { Check } from '../check.js'
import { requireSeen } from '../expectation.js'
import { diagnose, requireFinding } from './diagnosis.js'
import type { Installed } from './installed.js'
import { NPM_LINES, type PackageManager, type UserProject } from './package-manager.js'

const ADD = `npm pkg set 'overrides.${OFFICIAL}=${OVERRIDE}'`
const TAKE_OUT = `npm pkg delete 'overrides.${OFFICIAL}'`

/** As `npm install` writes it into package.json: npm looks anew what `latest` is, and treats the lock file differently. */
const CARET = '^3'

const OURS = { verdict: 'ok', implementation: 'instance-role-imds' }
const THEIRS = { verdict: 'ok', implementation: OFFICIAL }
const IGNORED = { verdict: 'warning', implementation: OFFICIAL }

/** What the page says of npm's own commands, when an override is added to a project that has a lock file, and taken out again. */
export function lockFileChecks(installed: Installed): Check[] {
  return NPM_LINES.flatMap((npm) => [
    {
      section: 'default-chain',
      subject: `${npm.name}, a project with a lock file`,
      prove: () => proveHeeded(installed, npm),
    },
    {
      section: 'default-chain',
      subject: `${npm.name}, a workspace with a lock file`,
      prove: () => proveIgnored(installed, npm),
    },
  ])
}

async function proveHeeded({ project }: Installed, npm: PackageManager): Promise<string> {
  const made = await project('project-with-lock-file', npm, CARET)
  await made.shell(ADD)
  requireSeen({ ci: await isRefused(made, 'npm ci') }, { ci: true })
  await made.shell('npm install')
  requireFinding(await diagnose(made, npm), OURS)
  await made.shell('npm ci')
  requireFinding(await diagnose(made, npm), OURS)
  await made.shell(`${TAKE_OUT} && npm install`)
  requireFinding(await diagnose(made, npm), OURS)
  await made.follow('Undo')
  requireFinding(await diagnose(made, npm), THEIRS)
  return `${await made.shell('npm --version')}: npm install follows what is added, and not what is taken out`
}

/** The doctor's own commands, run in the program's folder, and the page's, run in the root folder, are what works. */
async function proveIgnored({ workspace }: Installed, npm: PackageManager): Promise<string> {
  const made = await workspace('workspace-with-lock-file', npm, CARET)
  await made.shell(ADD)
  for (const command of ['npm install', 'npm dedupe', 'npm ci']) {
    await made.shell(command)
    requireFinding(await diagnose(made, npm, 'app'), IGNORED)
  }
  const { fix = 'false' } = (await diagnose(made, npm, 'app')) ?? {}
  await made.shell(`cd app && ${fix}`)
  requireFinding(await diagnose(made, npm, 'app'), OURS)
  for (const command of ['npm install', 'npm ci']) {
    await made.shell(`${TAKE_OUT} && ${command}`)
    requireFinding(await diagnose(made, npm, 'app'), OURS)
  }
  await made.follow('Undo')
  requireFinding(await diagnose(made, npm, 'app'), THEIRS)
  await made.follow('Put it in')
  requireFinding(await diagnose(made, npm, 'app'), OURS)
  return `${await made.shell('npm --version')}: npm install, dedupe and ci ignore it; the commands of the page work`
}

async function isRefused({ shell }: UserProject, command: string): Promise<boolean> {
  return shell(command).then(
    () => false,
    (error: unknown) => String(error).includes('EUSAGE'),
  )
}
