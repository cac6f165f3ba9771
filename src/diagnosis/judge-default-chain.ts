import { type DefaultChain, DROP_IN_PACKAGE, type ImdsPackage } from './default-chain.js'
import { installing, overriding } from './default-chain-commands.js'
import type { Finding } from './findings.js'
import { skipped } from './problem.js'

const PAGE = 'https://github.com/instance-role/instance-role/blob/main/docs/default-chain.md'

/** The finding about the package that ends the default chain of the AWS SDK clients in this folder. */
export function judgeDefaultChain(chain: DefaultChain | undefined): Finding {
  if (chain?.isHidden === true) return skipped('default-chain', HIDDEN)
  const [first] = chain?.packages ?? []
  if (chain !== undefined && first !== undefined) return judgePackages(first, chain)
  return skipped('default-chain', 'No client of the AWS SDK is installed in this folder.')
}

function judgePackages(first: ImdsPackage, chain: DefaultChain): Finding {
  const ours = chain.packages.filter(isOurs)
  const [firstOfOurs] = ours
  if (ours.length === chain.packages.length) return judgeOverridden(first, chain)
  if (firstOfOurs !== undefined) return judgeMixed(firstOfOurs, chain)
  return chain.overriddenIn === undefined ? judgeOfficial(first, chain) : judgeIgnored(first, chain)
}

/** What else the command does. */
const REPLACES = { npm: '', pnpm: '; this replaces the overrides in pnpm-workspace.yaml', yarn: '' } as const

const HIDDEN =
  "The packages of this folder are in Yarn's Plug'n'Play: add instance-role to it, and run yarn instance-role doctor --verbose."

function judgeOverridden(first: ImdsPackage, chain: DefaultChain): Finding {
  return {
    check: 'default-chain',
    verdict: 'ok',
    message: `Clients without \`credentials\` get those of instance-role, from ${nameOf(first)}.`,
    facts: factsOf(first, chain),
  }
}

function judgeOfficial(first: ImdsPackage, chain: DefaultChain): Finding {
  const fix = overriding(chain)
  return {
    check: 'default-chain',
    verdict: 'ok',
    message: `Clients without \`credentials\` get those of AWS's own provider, from ${nameOf(first)}.`,
    hint: `There is nothing to do if each client is given \`credentials\`. For others, put instance-role-imds in its place (${PAGE})${REPLACES[chain.packageManager]}.`,
    fix,
    facts: factsOf(first, chain),
  }
}

function judgeIgnored(first: ImdsPackage, chain: DefaultChain): Finding {
  const fix = installing(chain)
  const { overriddenIn = '' } = chain
  return {
    check: 'default-chain',
    verdict: 'warning',
    message: `The override in ${overriddenIn} has no effect: clients without \`credentials\` get those of AWS's own provider, from ${nameOf(first)}.`,
    hint: `Have ${chain.packageManager} install the package anew, which its lock file keeps as it was.`,
    fix,
    facts: factsOf(first, chain),
  }
}

/** With two implementations, it depends on the client which one is used. */
function judgeMixed(ours: ImdsPackage, chain: DefaultChain): Finding {
  const { packageManager, packages } = chain
  const fix = overriding(chain)
  const others = packages.filter((one) => !isOurs(one)).map(({ version, path }) => `${version} in ${path}`)
  return {
    check: 'default-chain',
    verdict: 'warning',
    message: `Some clients without \`credentials\` get those of instance-role, and some those of AWS's own provider (${others.join(', ')}).`,
    hint: `Have ${packageManager} put one in place of all${REPLACES[packageManager]}.`,
    fix,
    facts: { ...factsOf(ours, chain), implementation: 'several' },
  }
}

function factsOf({ name, version, path }: ImdsPackage, { packages }: DefaultChain): Finding['facts'] {
  return { implementation: name, version, path, copies: packages.length }
}

function isOurs({ name }: ImdsPackage): boolean {
  return name === DROP_IN_PACKAGE
}

function nameOf({ name, version }: ImdsPackage): string {
  return `${name} ${version}`
}
