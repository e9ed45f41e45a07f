/** How fast a count grows just now: over the last seconds, so that a pause shows soon and one page more does not make it jump. */
export class RateMeter {
  readonly #windowMs: number;
  readonly #samples = new Map<string, { at: number; value: number }[]>();

  constructor(windowMs = 5000) {
    this.#windowMs = windowMs;
  }

  /** Notes a value and answers the growth per second; undefined before there are two values some time apart. */
  note(id: string, value: number, now: Date): number | undefined {
    const at = now.getTime();
    const samples = (this.#samples.get(id) ?? []).filter((sample) => at - sample.at <= this.#windowMs);
    samples.push({ at, value });
    this.#samples.set(id, samples);
    const first = samples[0];
    return first === undefined || at - first.at < 200 ? undefined : (value - first.value) / ((at - first.at) / 1000);
  }
}
