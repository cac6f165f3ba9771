import type { Check } from './check.js'
import { outputOf } from './child-process.js'
import { withInstance } from './controlled-instance.js'
import { requireSeen } from './expectation.js'
import { NODE } from './platform.js'
import type { Workbench } from './workbench.js'

interface Recorder {
  readonly name: string
  readonly packages: readonly string[]
  readonly script: string
  /** Whether it records what headers a request of the application's own has. */
  readonly showsHeaders: boolean
  /** Whether it records which URLs of IMDS are asked. */
  readonly showsPaths: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** Pinned: what they record changes from one release to the next. */
const RECORDERS: readonly Recorder[] = [
  {
    name: 'OpenTelemetry',
    packages: [
      '@opentelemetry/api@1.9.1',
      '@opentelemetry/instrumentation@0.223.0',
      '@opentelemetry/instrumentation-http@0.223.0',
      '@opentelemetry/sdk-trace-node@2.12.1',
    ],
    script: 'instrumented-with-opentelemetry.cjs',
    showsHeaders: true,
    showsPaths: false,
  },
  {
    name: 'dd-trace',
    packages: ['dd-trace@6.21.0'],
    script: 'instrumented-with-dd-trace.cjs',
    showsHeaders: true,
    showsPaths: false,
    env: { DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false', DD_REMOTE_CONFIGURATION_ENABLED: 'false' },
  },
  {
    name: 'Sentry',
    packages: ['@sentry/node@11.12.0'],
    script: 'instrumented-with-sentry.cjs',
    showsHeaders: false,
    // A breadcrumb for each request, by Node's diagnostics channel.
    showsPaths: true,
  },
]

/** The newest dd-trace needs 22. */
const LINES = ['22', '24', '26']

/** What records the application's requests, headers included, beside the packed package: no metadata token is recorded. */
export function instrumentationChecks(workbench: Workbench): Check[] {
  return RECORDERS.flatMap((recorder) =>
    LINES.map((line) => ({
      section: 'instrumentation',
      subject: `${recorder.name}, Node ${line}`,
      prove: () => prove(workbench, recorder, line),
    })),
  )
}

/** Of the application; the emulated instance's begin otherwise. */
const APPLICATION_TOKEN = 'token-of-the-application'
const METADATA_TOKEN = /FAKE[\w-]{20,}/

async function prove(
  workbench: Workbench,
  { name, packages, script, showsHeaders, showsPaths, env = {} }: Recorder,
  line: string,
): Promise<string> {
  const executable = await workbench.executable(NODE, line)
  const project = await workbench.project(name, packages)
  return withInstance(async ({ endpoint, control, instance, proxied }) => {
    const args = [script, endpoint, `${control}/application`, APPLICATION_TOKEN]
    const recorded = await outputOf({ executable, args, cwd: project, env })
    requireSeen(
      {
        loads: instance.requests.length,
        asksTheApplication: proxied(),
        showsTheApplication: recorded.includes('/application'),
        showsItsToken: recorded.includes(APPLICATION_TOKEN),
        showsPaths: recorded.includes('/latest/'),
        showsTheMetadataToken: METADATA_TOKEN.test(recorded),
      },
      {
        ...{ loads: 3, asksTheApplication: 1, showsTheApplication: true, showsItsToken: showsHeaders },
        ...{ showsPaths, showsTheMetadataToken: false },
      },
    )
    return `no metadata token${showsPaths ? ', but each URL' : ''}`
  })
}
