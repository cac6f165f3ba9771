import { VERSION } from '../runtime/version.js'
import { type DefaultChain, DROP_IN_PACKAGE, OFFICIAL_PACKAGE, type PackageManager } from './default-chain.js'

const REPLACEMENT = `npm:${DROP_IN_PACKAGE}@^${VERSION}`

/**
 * Deletes AWS's package, and the packages that depend on it directly, from npm's lock file and from `node_modules`, so that the
 * next `npm install` applies an override that was added, changed or removed. If the dependents stay, npm does not notice in a
 * workspace that the package is missing, and does not install it.
 */
const FORGET = `node -e "const fs=require('fs'),n='${OFFICIAL_PACKAGE}';for(const f of ['npm-shrinkwrap.json','package-lock.json'])if(fs.existsSync(f)){const l=JSON.parse(fs.readFileSync(f)),all=l.packages;for(const [p,{dependencies:d}] of Object.entries(all))if(p.includes('node_modules/')&&(p.endsWith('/'+n)||d&&n in d)){delete all[p];fs.rmSync(p,{recursive:true,force:true})}fs.writeFileSync(f,JSON.stringify(l,null,2)+'\\n')}fs.rmSync('node_modules/.package-lock.json',{force:true})"`

const INSTALL: Readonly<Record<PackageManager, string>> = {
  npm: `${FORGET} && npm install`,
  pnpm: 'pnpm install',
  yarn: 'yarn install',
}

const OVERRIDE: Readonly<Record<PackageManager, string>> = {
  npm: `npm pkg set 'overrides.${OFFICIAL_PACKAGE}=${REPLACEMENT}'`,
  pnpm: `pnpm config set --location=project --json overrides '{"${OFFICIAL_PACKAGE}":"${REPLACEMENT}"}'`,
  yarn: `npm pkg set 'resolutions.${OFFICIAL_PACKAGE}=${REPLACEMENT}'`,
}

/** The package manager and the folder of its lock file. */
type CommandTarget = Pick<DefaultChain, 'packageManager' | 'root'>

/** Makes the lock file apply the existing override. */
export function installing({ packageManager, root }: CommandTarget): string {
  return inRoot(root, INSTALL[packageManager])
}

/** Adds the override and makes the lock file apply it. */
export function overriding({ packageManager, root }: CommandTarget): string {
  return inRoot(root, `${OVERRIDE[packageManager]} && ${INSTALL[packageManager]}`)
}

function inRoot(root: string | undefined, command: string): string {
  return root === undefined ? command : `cd '${root.replaceAll("'", `'\\''`)}' && ${command}`
}
