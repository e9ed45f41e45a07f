import { RetryLaterError, joinKey, readPath, type DetailResult, type JsonObject, type ReadPage, type Source, type StreamInfo } from '../../core/sdk/index.ts';

/** A source in memory whose records a test changes at will; it counts its calls and breaks off where it is told to. */
export class MemorySource implements Source {
  readonly records = new Map<string, JsonObject>();
  readonly stream: StreamInfo;
  /** What the detail of a record has beside the list's fields. */
  details: (record: JsonObject) => JsonObject = (record) => record;
  pageSize = 3;
  pagesRead = 0;
  detailCalls = 0;
  /** Throws before the page of this number (from 0) is answered, once. */
  breakAt: number | undefined;
  /** By which it looks; the database has its own. */
  now: () => Date = () => new Date();
  /** Whether full reads say that they were complete. */
  complete = true;

  constructor(stream: Partial<StreamInfo> = {}) {
    this.stream = { name: 'things', description: 'things', key: ['id'], modified: 'modified', incremental: 'changes', details: 'none', provesGone: false, ...stream };
  }

  /** Adds or changes a record. */
  put(record: JsonObject): void {
    this.records.set(keyOf(this.stream, record), record);
  }

  streams(): StreamInfo[] {
    return [this.stream];
  }

  describe(): StreamInfo {
    return this.stream;
  }

  async *read({ position, cursor, mode }: Parameters<Source['read']>[0]): AsyncGenerator<ReadPage> {
    const since = mode === 'incremental' && typeof cursor === 'string' ? cursor : '';
    const all = [...this.records.values()].filter((record) => String(record['modified'] ?? '') >= since).sort((a, b) => keyOf(this.stream, a).localeCompare(keyOf(this.stream, b)));
    let index = typeof position === 'number' ? position : 0;
    for (;;) {
      if (this.breakAt !== undefined && this.pagesRead >= this.breakAt) {
        this.breakAt = undefined;
        throw new RetryLaterError('test.broke_off', 'the source broke off');
      }
      const observedAt = this.now();
      const records = all.slice(index, index + this.pageSize).map((record) => ({ ...record }));
      index += records.length;
      this.pagesRead += 1;
      const newest = all.map((record) => String(record['modified'] ?? '')).sort().at(-1);
      const end = index >= all.length ? { complete: mode === 'full' && this.complete, ...(newest === undefined ? {} : { cursor: newest }) } : undefined;
      yield { records, observedAt, position: index, ...(end ? { end } : {}) };
      if (end) return;
    }
  }

  async readDetails({ keys }: { keys: readonly string[] }): Promise<DetailResult[]> {
    this.detailCalls += 1;
    const observedAt = this.now();
    return keys.map((key) => {
      const record = this.records.get(key);
      return record ? { key, record: { ...this.details(record) }, observedAt } : { key, gone: true, observedAt };
    });
  }
}

function keyOf(stream: StreamInfo, record: JsonObject): string {
  return joinKey(stream.key.map((path) => String(readPath(record, path))));
}
