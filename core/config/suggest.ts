/** The nearest of the candidates to a mistyped word, or `undefined` when none is near enough to be what was meant. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word === '' || word.length > 100) return undefined
  const plain = bare(word)
  let best: string | undefined
  let bestCost = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    if (candidate.length > 100 || candidate === word) continue
    // Writing styles are no distance: organization_id is organizationId.
    const other = bare(candidate)
    const cost = plain === other ? 0 : distance(plain, other, Math.max(1, Math.floor(Math.max(plain.length, other.length) / 3)))
    if (cost < bestCost) [best, bestCost] = [candidate, cost]
  }
  return best
}

/** The sentence `did you mean "x"?` for the nearest candidate; else, when there are only a few, what there is to choose from. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const all = [...candidates]
  const near = suggest(word, all)
  if (near !== undefined) return `did you mean ${JSON.stringify(near)}?`
  if (all.length === 0 || all.length > 12) return undefined
  return all.length === 1 ? `there is only ${all[0]}` : `known are ${all.join(', ')}`
}

/** Without what people mix up most: the writing style, and one for many. */
function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[\s_-]/gu, '').replace(/ies$/u, 'y').replace(/s$/u, '')
}

/** Edit distance where swapping two neighbours is one step; infinite when above the limit. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return Number.POSITIVE_INFINITY
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  const result = last[b.length] ?? 0
  return result <= limit ? result : Number.POSITIVE_INFINITY
}
