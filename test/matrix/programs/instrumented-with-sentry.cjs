// Sentry with everything that it sends by default, and more; prints what it would send.
const Sentry = require('@sentry/node')

const envelopes = []
const send = async (envelope) => {
  envelopes.push(envelope)
  return {}
}
Sentry.init({
  dsn: 'http://public@127.0.0.1:1/1',
  tracesSampleRate: 1,
  sendDefaultPii: true,
  transport: () => ({ send, flush: async () => true }),
  // Lines of the source, which hold the application's token.
  integrations: (defaults) => defaults.filter(({ name }) => name !== 'ContextLines'),
})

const { askBoth } = require('./ask-both.cjs')

Sentry.startSpan({ name: 'application' }, askBoth)
  .then(() => Sentry.captureException(new Error('for its breadcrumbs')))
  .then(() => Sentry.flush(2_000))
  .then(() => console.log(JSON.stringify(envelopes)))
