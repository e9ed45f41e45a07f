/**
 * Pushes the metrics by Prometheus' remote write. While the receiver is away the newest samples are kept, as many as the buffer takes;
 * what it refuses for good is given up, since it would refuse it again.
 */
import type { Clock, Logger } from '../sdk/index.ts';
import type { MetricSample, Metrics, WriteMetrics } from './metrics/index.ts';

export interface RemoteWriteOptions {
  url: string;
  /** ms between two looks at the metrics. */
  every: number;
  headers: Readonly<Record<string, string>>;
  /** Added to every series. */
  labels: Readonly<Record<string, string>>;
  /** ms for one push. */
  timeout: number;
  /** Samples that are kept while the receiver is away. */
  buffer: number;
}

export interface RemoteWriteDeps {
  options: RemoteWriteOptions;
  registry: Pick<Metrics, 'samples'>;
  metrics: WriteMetrics;
  clock: Clock;
  log: Logger;
}

/** A stop waits no longer than this for the last push, in ms. */
const patienceMs = 2_000;

interface Batch { at: number; samples: MetricSample[] }

export class RemoteWrite {
  readonly #deps: RemoteWriteDeps;
  readonly #waiting: Batch[] = [];
  readonly #stop = new AbortController();
  /** Ends a push that is under way. */
  readonly #breakOff = new AbortController();
  #loop: Promise<void> | undefined;
  /** Told once when the receiver goes away, and once when it is back. */
  #away = false;

  constructor(deps: RemoteWriteDeps) {
    this.#deps = deps;
  }

  /** Samples that wait. */
  get waiting(): number {
    return this.#waiting.reduce((sum, { samples }) => sum + samples.length, 0);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends it; what waits is pushed once more, where the receiver is there and soon takes it. Idempotent, and safe before start. */
  async stop(): Promise<void> {
    const started = this.#loop !== undefined && !this.#stop.signal.aborted;
    this.#stop.abort();
    if (!started) return;
    const ended = new AbortController();
    await Promise.race([this.#last(), this.#deps.clock.sleep(patienceMs, ended.signal).catch(() => undefined)]);
    ended.abort();
    this.#breakOff.abort(new Error('the node stops'));
  }

  async #last(): Promise<void> {
    await this.#loop;
    if (!this.#away) await this.tick();
  }

  async #run(): Promise<void> {
    const { clock, options: { every } } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.tick();
      await clock.sleep(every, signal).catch(() => undefined);
    }
  }

  /** Takes the figures of now, and pushes all that waits, the oldest first. Never throws. */
  async tick(): Promise<void> {
    const { registry, clock, log, metrics } = this.#deps;
    try {
      this.#keep({ at: clock.now().getTime(), samples: await registry.samples() });
      for (let [batch] = this.#waiting; batch !== undefined; [batch] = this.#waiting) {
        const outcome = await this.#push(batch);
        if (outcome === 'later') break;
        this.#waiting.shift();
        if (outcome === 'taken') metrics.sent(batch.samples.length);
        else metrics.dropped(batch.samples.length);
      }
      metrics.waiting(this.waiting);
    } catch (error) {
      log.error('the metrics could not be pushed', { error });
    }
  }

  #keep(batch: Batch): void {
    const { options: { buffer }, metrics } = this.#deps;
    this.#waiting.push(batch);
    while (this.waiting > buffer && this.#waiting.length > 1) metrics.dropped(this.#waiting.shift()?.samples.length ?? 0);
  }

  async #push({ at, samples }: Batch): Promise<'taken' | 'refused' | 'later'> {
    const { options, log } = this.#deps;
    const { url, headers, timeout, labels } = options;
    try {
      const { pushTimeseries } = await import('prometheus-remote-write'); // a start need not wait for it
      const { status, errorMessage } = await pushTimeseries(samples.map((sample) => series(sample, labels, at)), {
        url, headers: { 'Content-Encoding': 'snappy', 'X-Prometheus-Remote-Write-Version': '0.1.0', ...headers },
        // the package's own time-out is for another fetch
        fetch: (address, init) => fetch(address, { method: 'POST', headers: init?.headers ?? {}, body: new Uint8Array(init?.body as ArrayBuffer), redirect: 'error', signal: AbortSignal.any([AbortSignal.timeout(timeout), this.#breakOff.signal]) }),
      });
      if (status >= 200 && status < 300) return this.#back();
      if (status === 429 || status >= 500) return this.#gone(`it answered ${status}`);
      log.warn('the receiver of the metrics refused a push; its samples are given up', { status, answer: errorMessage?.slice(0, 300) });
      return 'refused';
    } catch (error) {
      return this.#gone(error instanceof Error ? `${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ''}` : String(error));
    }
  }

  #back(): 'taken' {
    if (this.#away) this.#deps.log.info('the receiver of the metrics is back');
    this.#away = false;
    return 'taken';
  }

  #gone(reason: string): 'later' {
    if (!this.#away) this.#deps.log.warn('the receiver of the metrics is away; samples are kept until it is back', { reason });
    this.#away = true;
    return 'later';
  }
}

/** Labels are to be sorted by their names; the protocol asks for it. */
function series({ name, labels, value }: MetricSample, more: Readonly<Record<string, string>>, timestamp: number): { labels: { __name__: string }; samples: { value: number; timestamp: number }[] } {
  const sorted = Object.entries({ ...more, ...labels, __name__: name }).filter(([, text]) => text !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  return { labels: Object.fromEntries(sorted) as { __name__: string }, samples: [{ value, timestamp }] };
}
