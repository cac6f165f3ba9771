// OpenTelemetry's http instrumentation, told to put the metadata token into its spans; prints the spans.
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
const {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-node')

const exporter = new InMemorySpanExporter()
const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
tracerProvider.register()
const headers = ['x-aws-ec2-metadata-token']
registerInstrumentations({
  tracerProvider,
  instrumentations: [
    new HttpInstrumentation({
      headersToSpanAttributes: { client: { requestHeaders: headers, responseHeaders: headers } },
    }),
  ],
})

const { askBoth } = require('./ask-both.cjs')

askBoth().then(() =>
  console.log(
    JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes }) => ({ name, attributes }))),
  ),
)
