import { traced } from '../monitor/trace.ts';
import type { ReadPage } from '../sdk/index.ts';

/** The pages of a source; where the run is traced each has a span around what it took to get it. */
export function tracedPages(source: AsyncIterable<ReadPage>): AsyncIterable<ReadPage> {
  const iterator = source[Symbol.asyncIterator]();
  let [number, isLast] = [0, false];
  const page = (): Promise<IteratorResult<ReadPage>> => traced('page', () => ({ 'tds.page': number + 1 }), async (tell) => {
    const step = await iterator.next();
    if (step.done) return step;
    number += 1;
    isLast = step.value.end !== undefined;
    tell({ 'tds.records': step.value.records.length, 'tds.last': isLast });
    return step;
  });
  return { [Symbol.asyncIterator]: () => ({
    // what is asked for after the last page brings none
    next: () => (isLast ? iterator.next() : page()),
    return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
  }) };
}
