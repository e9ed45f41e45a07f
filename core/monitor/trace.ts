/**
 * Spans of what a run does, for whoever traces it. The data path says here what it is at; outside of a run that is traced that is one look
 * at an empty place. What listens is `tracing.ts`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** What a span tells: ids, counts and names, never a value of a record. */
export type SpanFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/** The kinds of spans that there are. `remote call` asks another machine; the others are work of this process. */
export type SpanName = 'run' | 'page' | 'map' | 'apply' | 'remote call';

/** A span under way. */
export interface Span {
  begin(name: SpanName, facts: SpanFacts): Span;
  add(facts: SpanFacts): void;
  /** With the error that it ended by, if it did; of it the code alone is told. */
  end(failure?: { error: unknown }): void;
}

const around = new AsyncLocalStorage<Span>();

/** Runs `work` as a span within the one around the caller; outside of any it just runs it. `tell` adds what is known only later. */
export async function traced<T>(name: SpanName, facts: () => SpanFacts, work: (tell: (facts: SpanFacts) => void) => Promise<T>): Promise<T> {
  const outer = around.getStore();
  return outer === undefined ? work(ignore) : asSpan(outer.begin(name, facts()), work);
}

/** Runs `work` as this span, which ends with it. */
export async function asSpan<T>(span: Span, work: (tell: (facts: SpanFacts) => void) => Promise<T>): Promise<T> {
  try {
    const result = await around.run(span, () => work((facts) => span.add(facts)));
    span.end();
    return result;
  } catch (error) {
    span.end({ error });
    throw error;
  }
}

function ignore(): void {}
