import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type Meter, type Span, SpanStatusCode, type Tracer } from '@opentelemetry/api'
import type { InstanceRoleEventName, InstanceRoleEvents } from 'instance-role'

/** Turns the library's events into a span per load and a few metrics. The returned function stops it. */
export function recordInstanceRole({ tracer, meter }: { tracer: Tracer; meter: Meter }): () => void {
  const stops = [...recordSpans(tracer), ...recordMetrics(meter)]
  return () => {
    for (const stop of stops) stop()
  }
}

function recordSpans(tracer: Tracer): (() => void)[] {
  const spans = new Map<number, Span>()
  return [
    on('instance-role:load:start', ({ loadId, endpoint }) => {
      const attributes = { 'server.address': endpoint }
      spans.set(loadId, tracer.startSpan('instance-role load', { attributes }))
    }),
    on('instance-role:load:attempt', ({ loadId, attempt, durationMs, errorCode, step }) => {
      const failure = errorCode === undefined ? {} : { 'error.type': errorCode, 'instance_role.step': step }
      spans.get(loadId)?.addEvent('attempt', { attempt, 'duration.ms': durationMs, ...failure })
    }),
    on('instance-role:load:end', ({ loadId, roleName, attempts }) => {
      const span = spans.get(loadId)
      span?.setAttributes({ 'instance_role.name': roleName, 'instance_role.attempts': attempts }).end()
      spans.delete(loadId)
    }),
    on('instance-role:load:error', ({ loadId, errorCode, attempts }) => {
      const span = spans.get(loadId)
      span?.setAttributes({ 'error.type': errorCode, 'instance_role.attempts': attempts })
      span?.setStatus({ code: SpanStatusCode.ERROR, message: errorCode }).end()
      spans.delete(loadId)
    }),
  ]
}

function recordMetrics(meter: Meter): (() => void)[] {
  const duration = meter.createHistogram('instance_role.load.duration', { unit: 'ms' })
  const troubles = meter.createCounter('instance_role.troubles')
  let expiresAt: number | undefined
  meter.createObservableGauge('instance_role.time_to_expiration', { unit: 's' }).addCallback((gauge) => {
    if (expiresAt !== undefined) gauge.observe((expiresAt - Date.now()) / 1_000)
  })
  const countAs = (kind: string) => (): void => troubles.add(1, { kind })
  return [
    on('instance-role:load:end', ({ durationMs }) => duration.record(durationMs, { outcome: 'success' })),
    on('instance-role:load:error', ({ durationMs, errorCode }) =>
      duration.record(durationMs, { outcome: 'error', 'error.type': errorCode }),
    ),
    on('instance-role:refreshed', ({ expiration }) => (expiresAt = Date.parse(expiration))),
    on('instance-role:refresh-failed', countAs('refresh-failed')),
    on('instance-role:extended', countAs('extended')),
    on('instance-role:role-changed', countAs('role-changed')),
    on('instance-role:role-detached', countAs('role-detached')),
    on('instance-role:calls-failing', countAs('calls-failing')),
    on('instance-role:v1-used', countAs('v1-used')),
  ]
}

function on<Name extends InstanceRoleEventName>(
  name: Name,
  handle: (payload: InstanceRoleEvents[Name]) => void,
): () => void {
  // The messages of a channel are untyped; the channel's name gives their type.
  const listener = (message: unknown): void => handle(message as InstanceRoleEvents[Name])
  subscribe(name, listener)
  return () => void unsubscribe(name, listener)
}
