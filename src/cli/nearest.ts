/** Returns the known word that `word` most likely means, or `undefined` if none is similar. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const begun = known.filter((one) => word.length >= 2 && one.startsWith(word))
  if (begun.length === 1) return begun[0]
  const mostEdits = Math.max(1, Math.floor(word.length / 3))
  const ranked = known
    .map((one) => ({ one, edits: editsBetween(word, one) }))
    .filter(({ edits }) => edits <= mostEdits)
    .sort((left, right) => left.edits - right.edits)
  return ranked[0]?.one
}

/** Ends a sentence about an unknown word. */
export function suggesting(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === undefined ? '' : `; did you mean ${near}?`
}

/** The number of letters to insert, delete, replace or swap with their neighbour. */
function editsBetween(left: string, right: string): number {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current: number[] = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1]
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
        isSwapped ? at(beforeLast, column - 2) + 1 : Infinity,
      )
    }
    beforeLast = last
    last = current
  }
  return at(last, right.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity
}
