import type { Outcome } from './faults.js'

/** The requests to an instance and how they were answered. It holds no header and no body, so no secret. */
export class RequestLog {
  readonly #entries: string[] = []

  /** The requests so far, such as `PUT /latest/api/token 200` or `GET /latest/meta-data/ silence`. */
  get entries(): readonly string[] {
    return [...this.#entries]
  }

  record(method: string, path: string, outcome: Outcome): string {
    const entry = `${method} ${path} ${summaryOf(outcome)}`
    this.#entries.push(entry)
    return entry
  }

  clear(): void {
    this.#entries.length = 0
  }
}

function summaryOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'reply':
      return String(outcome.reply.status)
    case 'drip':
    case 'reset-mid-body':
      return `${outcome.reply.status} ${outcome.kind}`
    default:
      return outcome.kind
  }
}
