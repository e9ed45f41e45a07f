/** The metrics of one process: declared by groups, read at a scrape. Each process has its own; nothing is global. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * What is said of a metric where it is declared. `scope` tells whose figure it is: `node` is this process alone, `all` comes out of the
 * database and is the same on every node, so that a sum over nodes would count it several times.
 */
export interface Declaration<Label extends string = string> { name: string; help: string; labels?: readonly Label[]; scope: 'node' | 'all' }

/** A declared metric, for the reference page and for whoever checks names. */
export interface MetricFacts { name: string; help: string; labels: readonly string[]; scope: 'node' | 'all'; type: 'counter' | 'gauge' | 'histogram' }

/** One figure. Of a histogram these are its `_bucket`, `_sum` and `_count`. */
export interface MetricSample { name: string; labels: Record<string, string>; value: number }

/** Fills figures in before a scrape. What it throws is counted and told in the log by `onError`; the others still answer. */
type Collector = () => void | Promise<void>;

export class Metrics {
  readonly #registry = new Registry();
  readonly #facts: MetricFacts[] = [];
  readonly #collectors: Collector[] = [];
  #collecting: Promise<void> | undefined;
  /** Told of a collector that failed. */
  onError: (error: unknown) => void = () => {};

  counter<L extends string = never>(given: Declaration<L>): Counter<L> {
    return new Counter<L>({ ...this.#declare('counter', given), registers: [this.#registry] });
  }

  gauge<L extends string = never>(given: Declaration<L>): Gauge<L> {
    const gauge = new Gauge<L>({ ...this.#declare('gauge', given), registers: [this.#registry] });
    // prom-client begins with 0, which would say that a disk is full before anybody has looked
    if ((given.labels ?? []).length === 0) gauge.remove();
    return gauge;
  }

  /** @param buckets upper ends, in the unit of the name */
  histogram<L extends string = never>(given: Declaration<L>, buckets: readonly number[]): Histogram<L> {
    return new Histogram<L>({ ...this.#declare('histogram', given), buckets: [...buckets], registers: [this.#registry] });
  }

  /** Has `collect` called before each scrape. */
  onCollect(collect: Collector): void {
    this.#collectors.push(collect);
  }

  /** All that is declared, by name. */
  get declared(): readonly MetricFacts[] {
    return this.#facts.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text that Prometheus scrapes. */
  async text(): Promise<string> {
    await this.#collect();
    return this.#registry.metrics();
  }

  /** The same as figures; of those that `only` names where it is given. */
  async samples(only?: ReadonlySet<string>): Promise<MetricSample[]> {
    await this.#collect();
    const samples: MetricSample[] = [];
    for (const { name, values } of await this.#registry.getMetricsAsJSON()) {
      if (only && !only.has(name)) continue;
      for (const each of values as { value: number; labels: Record<string, unknown>; metricName?: string }[]) {
        samples.push({ name: each.metricName ?? name, value: each.value, labels: Object.fromEntries(Object.entries(each.labels).map(([label, value]) => [label, label === 'le' && value === Infinity ? '+Inf' : String(value)])) });
      }
    }
    return samples;
  }

  /** Scrapes that come together share one collection. */
  #collect(): Promise<void> {
    this.#collecting ??= this.#collectAll().finally(() => (this.#collecting = undefined));
    return this.#collecting;
  }

  async #collectAll(): Promise<void> {
    const ends = await Promise.allSettled(this.#collectors.map(async (collect) => collect()));
    for (const end of ends) if (end.status === 'rejected') this.onError(end.reason);
  }

  #declare<L extends string>(type: MetricFacts['type'], { name, help, labels = [], scope }: Declaration<L>): { name: string; help: string; labelNames: L[] } {
    this.#facts.push({ name, help, labels, scope, type });
    return { name, help, labelNames: [...labels] };
  }
}

/** Sets a gauge to exactly these figures: what is not named any more is gone. */
export function replaceAll<L extends string>(gauge: Gauge<L> | Counter<L>, figures: Iterable<readonly [labels: Record<L, string>, value: number]>): void {
  gauge.reset();
  for (const [labels, value] of figures) {
    if (gauge instanceof Gauge) gauge.set(labels, value);
    else gauge.inc(labels, value);
  }
}
