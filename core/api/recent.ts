/** A fact that costs the database much to count, and that many ask for again and again. */

/** Milliseconds: younger than this it is answered as it was counted; up to the second it is, while it is counted anew. */
const freshMs = 5000;
const oldMs = 10_000;
/** What takes long to count is counted less often: over ten million records some seconds, of which not more than one in twenty is to be spent. */
const restShare = 20;

/** Answers what `count` does, at most ten seconds old (or forty times what the count takes), with one count at a time whoever asks. Its failure is told to those who wait for it. */
export function recent<T>(count: () => Promise<T>, now: () => number = Date.now): () => Promise<T> {
  let known: { value: T; at: number; took: number } | undefined;
  let counting: Promise<T> | undefined;
  const again = (): Promise<T> => (counting ??= (async () => {
    const at = now(); // when it began: a change after that may not be in it
    const value = await count();
    known = { value, at, took: now() - at };
    return value;
  })().finally(() => (counting = undefined)));
  return async () => {
    if (!known) return again();
    const [age, rest] = [now() - known.at, known.took * restShare];
    if (age > Math.max(oldMs, rest * 2)) return again();
    if (age > Math.max(freshMs, rest)) again().catch(() => undefined);
    return known.value;
  };
}

/** Questions whose answers are kept; the one that was asked least lately is forgotten first. */
const mostQuestions = 100;

/** The same for each of several questions, by the text `nameOf` makes of it. */
export function recentOf<Q, T>(nameOf: (question: Q) => string, count: (question: Q) => Promise<T>, now: () => number = Date.now): (question: Q) => Promise<T> {
  const kept = new Map<string, () => Promise<T>>();
  return (question) => {
    const name = nameOf(question);
    const known = kept.get(name) ?? recent(() => count(question), now);
    kept.delete(name);
    kept.set(name, known);
    const [oldest] = kept.keys();
    if (kept.size > mostQuestions && oldest !== undefined) kept.delete(oldest);
    return known();
  };
}
