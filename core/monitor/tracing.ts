/**
 * Sends the spans of runs by OTLP over HTTP, as JSON. OpenTelemetry's packages are loaded where an address is set and nowhere else: a start
 * without tracing pays nothing for them. A receiver that is away costs spans, never a run: so many wait, then they are dropped and counted.
 */
import type * as Api from '@opentelemetry/api';
import type { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { isTdsError, type Clock, type Logger } from '../sdk/index.ts';
import type { TraceMetrics } from './metrics/index.ts';
import { asSpan, type Span, type SpanFacts, type SpanName } from './trace.ts';

export interface TracingOptions {
  /** Empty: nothing is traced. */
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Of the runs, 0 to 1. */
  share: number;
  /** ms for one push. */
  timeout: number;
}

export interface TracingDeps {
  options: TracingOptions;
  metrics: TraceMetrics;
  clock: Clock;
  log: Logger;
  /** Takes secrets out of what is told. */
  redact: (text: string) => string;
  version: string;
  nodeId: string;
}

/** The tracing of one process. */
export interface Tracing {
  /** Runs `work` as a trace of its own, whose spans are those that `traced` makes inside. */
  run<T>(facts: SpanFacts, work: () => Promise<T>): Promise<T>;
  /** Sends what waits, where the receiver soon takes it. Idempotent; never throws. */
  stop(): Promise<void>;
}

export const noTracing: Tracing = { run: (_facts, work) => work(), stop: async () => {} };

/** Spans that wait at most, those of one push, and how long they wait for others, in ms. */
const mostWaiting = 8192;
const perPush = 512;
const lingerMs = 2_000;
/** A stop waits no longer than this for the last push, in ms. */
const patienceMs = 2_000;

/** @throws nothing that the receiver does: it is asked when the first spans are there */
export async function openTracing(deps: TracingDeps): Promise<Tracing> {
  const { options, clock, version, nodeId } = deps;
  if (options.url === '') return noTracing;
  const [api, { BasicTracerProvider, BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler }, { OTLPTraceExporter: OtlpExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'), import('@opentelemetry/sdk-trace-base'), import('@opentelemetry/exporter-trace-otlp-http'), import('@opentelemetry/resources'),
  ]);
  const exporter = new OtlpExporter({ url: options.url, headers: { ...options.headers }, timeoutMillis: options.timeout });
  const counted = countedExporter(exporter, deps);
  const batches = new BatchSpanProcessor(counted.exporter, { maxQueueSize: mostWaiting, maxExportBatchSize: perPush, scheduledDelayMillis: lingerMs, exportTimeoutMillis: options.timeout });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'tds', 'service.version': version, 'service.instance.id': nodeId }),
    // one's own word on what is sampled: not that of OTEL_TRACES_SAMPLER
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.share) }),
    spanProcessors: [{
      onStart: (span, context) => batches.onStart(span, context),
      onEnd: (span) => void (counted.hasRoom() && batches.onEnd(span)),
      forceFlush: () => batches.forceFlush(), shutdown: () => batches.shutdown(),
    }],
  });
  const tracer = provider.getTracer('tds', version);
  let stopping: Promise<void> | undefined;
  return {
    run: (facts, work) => asSpan(spanOf(api, tracer, undefined, 'run', facts, deps), () => work()),
    stop() {
      const ended = new AbortController();
      stopping ??= Promise.race([provider.shutdown(), clock.sleep(patienceMs, ended.signal)]).catch(() => undefined).finally(() => ended.abort());
      return stopping;
    },
  };
}

type Exporter = Pick<OTLPTraceExporter, 'export' | 'shutdown' | 'forceFlush'>;

/** Counts what became of the spans, and tells once that the receiver is away, and once that it is back. */
function countedExporter(inner: Exporter, { metrics, log, redact }: TracingDeps): { exporter: Exporter; hasRoom: () => boolean } {
  let waiting = 0;
  let away = false;
  const exporter: Exporter = {
    export: (spans, done) => inner.export(spans, (result) => {
      waiting -= spans.length;
      const sent = result.code === 0;
      metrics.ended(sent ? 'sent' : 'failed', spans.length);
      if (sent && away) log.info('the receiver of the traces is back');
      if (!sent && !away) log.warn('the receiver of the traces is away, or refuses them; their spans are lost until it is back', { reason: redact(result.error?.message ?? 'no answer').slice(0, 300) });
      away = !sent;
      done(result);
    }),
    shutdown: () => inner.shutdown(),
    forceFlush: () => inner.forceFlush(),
  };
  return {
    exporter,
    hasRoom() {
      if (waiting >= mostWaiting) {
        metrics.ended('dropped', 1);
        return false;
      }
      waiting += 1;
      return true;
    },
  };
}

function spanOf(api: typeof Api, tracer: Api.Tracer, parent: Api.Span | undefined, name: SpanName, facts: SpanFacts, deps: Pick<TracingDeps, 'redact'>): Span {
  const context = parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpan(api.ROOT_CONTEXT, parent);
  const span = tracer.startSpan(name, { kind: name === 'remote call' ? api.SpanKind.CLIENT : api.SpanKind.INTERNAL, attributes: attributesOf(facts, deps.redact) }, context);
  return {
    begin: (inner, more) => spanOf(api, tracer, span, inner, more, deps),
    add: (more) => void span.setAttributes(attributesOf(more, deps.redact)),
    end(failure) {
      // The words of an error may hold a value of a record; its code holds none.
      if (failure) span.setStatus({ code: api.SpanStatusCode.ERROR }).setAttribute('error.type', codeOf(failure.error));
      span.end();
    },
  };
}

function attributesOf(facts: SpanFacts, redact: (text: string) => string): Api.Attributes {
  return Object.fromEntries(Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, typeof value === 'string' ? redact(value) : value]])));
}

function codeOf(error: unknown): string {
  if (isTdsError(error)) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
