import type { Answer, Service } from './service.js'

const HEADERS = { 'content-type': 'application/json' }

const REPLY = {
  output: { message: { role: 'assistant', content: [{ text: 'Renewed.' }] } },
  stopReason: 'end_turn',
  usage: { inputTokens: 9, outputTokens: 2, totalTokens: 11 },
  metrics: { latencyMs: 1 },
}

/** `Converse`, with a model that always gives the same answer. */
export function createBedrock(): Service {
  return {
    operationOf: ({ path }) => (path.endsWith('/converse') ? 'Converse' : 'Unknown'),
    answer: (operation) =>
      operation === 'Converse'
        ? { status: 200, headers: HEADERS, body: JSON.stringify(REPLY) }
        : report(404, 'Not played here.'),
    refuse: (refusal) => report(403, `The security token included in the request is invalid: ${refusal}`),
  }
}

function report(status: number, message: string): Answer {
  return { status, headers: HEADERS, body: JSON.stringify({ message }) }
}
