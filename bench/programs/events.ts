// Measures what an event costs without and with a subscriber.
import { subscribe } from 'node:diagnostics_channel'
import { publish } from '../../src/events/events.js'
import { report } from './contenders.js'

const EVENTS = 500_000

function nsPerEvent(): number {
  const startedAt = performance.now()
  for (let event = 0; event < EVENTS; event += 1)
    publish({ 'instance-role:load:attempt': { loadId: 1, attempt: 1, durationMs: 1 } })
  return ((performance.now() - startedAt) * 1e6) / EVENTS
}

nsPerEvent()
const silentNs = nsPerEvent()
subscribe('instance-role:load:attempt', () => {})
nsPerEvent()
report({ silentNs, heardNs: nsPerEvent() })
