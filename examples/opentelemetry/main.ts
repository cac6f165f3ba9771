import { metrics, trace } from '@opentelemetry/api'
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { fromInstanceRole } from '../../src/index.js'
import { emulateInstance } from '../../src/testing/index.js'
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

// An instance that fails once before it answers, and is down when asked again.
await using instance = emulateInstance()
const { endpoint } = await instance.listen()
instance.fail('role', { status: 503 })
const credentials = fromInstanceRole({ endpoint })
await credentials()
instance.failUntilLifted('all', { status: 500 })
await credentials({ forceRefresh: true })

stop()
await tracing.shutdown()
await metering.shutdown()
