import { metrics, trace } from '@opentelemetry/api'
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { fromInstanceRole } from 'instance-role'
import { instance } from '../emulated-ec2.js'
import { recordInstanceRole } from './record-instance-role.js'

const tracing = new BasicTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter())],
})
const metering = new MeterProvider({
  readers: [new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() })],
})
trace.setGlobalTracerProvider(tracing)
metrics.setGlobalMeterProvider(metering)
const stop = recordInstanceRole({ tracer: trace.getTracer('app'), meter: metrics.getMeter('app') })

const credentials = fromInstanceRole()
console.log('-- IMDS fails once before it answers')
instance.fail('role', { status: 503 })
await credentials()

console.log('-- IMDS is down, and a refresh fails')
instance.failUntilLifted('all', { status: 500 })
await credentials({ forceRefresh: true })

console.log('-- the metrics of all this')
stop()
await tracing.shutdown()
await metering.shutdown()
