import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { expect, test } from 'vitest'
import { recordInstanceRole } from '../../examples/opentelemetry/record-instance-role.js'
import { setup } from '../setup.js'

test('records a span per load, with its attempts and outcome, and the metrics of a day with failures', async () => {
  const spans = new InMemorySpanExporter()
  const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: measured })
  const metering = new MeterProvider({ readers: [reader] })
  const stop = recordInstanceRole({ tracer: tracing.getTracer('test'), meter: metering.getMeter('test') })

  const { instance, provider } = setup()
  instance.fail('role', { status: 503 })
  await provider()
  instance.failUntilLifted('all', { status: 500 })
  await provider({ forceRefresh: true })
  stop()
  instance.clearFaults()
  await provider({ forceRefresh: true })
  await metering.forceFlush()

  const [first, second, ...others] = spans.getFinishedSpans()
  expect(others).toEqual([])
  expect(first?.attributes).toMatchObject({ 'instance_role.name': 'app-role', 'instance_role.attempts': 2 })
  expect(first?.events.map(({ attributes }) => attributes?.['error.type'])).toEqual([
    'SERVER_ERROR',
    undefined,
  ])
  expect(second).toMatchObject({
    status: { message: 'SERVER_ERROR' },
    attributes: { 'error.type': 'SERVER_ERROR' },
  })
  const metrics = measured
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
  const points = new Map(metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]))
  expect(points.get('instance_role.load.duration')).toHaveLength(2)
  expect(points.get('instance_role.troubles')).toMatchObject([
    { value: 1, attributes: { kind: 'refresh-failed' } },
  ])
  expect(points.get('instance_role.time_to_expiration')).toHaveLength(1)
  await tracing.shutdown()
  await metering.shutdown()
})
