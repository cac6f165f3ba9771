/** Aborted with the first of the signals. */
export function firstOf(signals: readonly AbortSignal[]): AbortSignal {
  // The jsdom of Jest 29 has no `any`, and no `throwIfAborted`.
  if ('any' in AbortSignal) return AbortSignal.any([...signals])
  return joined(signals)
}

function joined(signals: readonly AbortSignal[]): AbortSignal {
  const first = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) first.abort(signal.reason)
    else signal.addEventListener('abort', () => first.abort(signal.reason), { once: true })
  }
  return first.signal
}

/** @throws the reason of the signal where it is aborted already */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  const reason: unknown = signal.reason
  throw reason instanceof Error ? reason : new Error('The request was aborted.', { cause: reason })
}
