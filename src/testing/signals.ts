/** Returns a signal that is aborted with the first of the signals. */
export function firstOf(signals: readonly AbortSignal[]): AbortSignal {
  // Jest 29's jsdom has no `AbortSignal.any` and no `throwIfAborted`.
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

/** @throws the reason of the signal if it is aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  const reason: unknown = signal.reason
  throw reason instanceof Error ? reason : new Error('The request was aborted.', { cause: reason })
}
