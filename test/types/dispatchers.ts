// Compiled by `npm run check`, never run: a Dispatcher of each undici fits the option, with no cast (undici 8: types.test.ts).
import { Agent as Agent7, type Dispatcher as Dispatcher7, MockAgent as MockAgent7 } from 'undici'
import { Agent as Agent6, type Dispatcher as Dispatcher6, MockAgent as MockAgent6 } from 'undici-6'
import { fromInstanceRole, type InstanceRoleProvider } from '../../src/index.js'

export const providers: readonly InstanceRoleProvider[] = [
  fromInstanceRole({ dispatcher: new Agent6() }),
  fromInstanceRole({ dispatcher: new Agent7() }),
  fromInstanceRole({ dispatcher: new MockAgent6() }),
  fromInstanceRole({ dispatcher: new MockAgent7() }),
]

export function throughAny(dispatcher: Dispatcher6 | Dispatcher7): InstanceRoleProvider {
  return fromInstanceRole({ dispatcher })
}

// @ts-expect-error an agent of node:http is no dispatcher
fromInstanceRole({ dispatcher: new (await import('node:http')).Agent() })
