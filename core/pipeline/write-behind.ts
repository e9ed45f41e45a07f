/** The writing side of a read: what has come is mapped while what came before is being written, and all that lies ready is written at once. */
import { commitPrepared, prepare, type Batch } from './apply.ts';
import { joinPrepared, type PreparedBatch } from './batch.ts';
import { applyCarefully } from './careful.ts';
import type { Received } from './incoming.ts';
import { usageMeter, type RunContext } from './run-context.ts';
import type { ReadPage } from '../sdk/index.ts';

/** A page whose records are ready for the corridor. */
export interface ReceivedPage extends Received { page: Omit<ReadPage, 'records'>; size: number }

/** Pages that were decided and mapped together, ahead of their turn. */
interface Part { pages: ReceivedPage[]; size: number; ready: Promise<PreparedBatch> }

/** So many rows are mapped together while another batch is being written: enough to make one question to the database pay. */
const rowsAhead = 800;

/**
 * Writes the pages of one read in their order. One transaction at a time: while it runs, the next pages are decided and mapped, and
 * when it ends all of them that lie ready go into the next one, up to `batchSize`. So batches are as large as the source is quick, and
 * neither side waits for the other longer than it must.
 */
export class WriteBehind {
  readonly #context: RunContext;
  readonly #via: Batch['via'];
  readonly #isFirst: boolean;
  readonly #since: () => { calls: number; bytes: number };
  #collected: ReceivedPage[] = [];
  #collectedSize = 0;
  #parts: Part[] = [];
  #partsSize = 0;
  #writing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  #tellRoom: (() => void) | undefined;

  /** `isFirst`: nothing was stored of the entity when the read began. */
  constructor(context: RunContext, { isFull, isFirst }: { isFull: boolean; isFirst: boolean }) {
    this.#context = context;
    this.#via = isFull ? 'full' : 'incremental';
    this.#isFirst = isFirst;
    this.#since = usageMeter(context);
  }

  /** Takes a page. `more`: another one lies ready, so that this one need not go alone. Resolves when there is room for the next. */
  async add(page: ReceivedPage, more: boolean): Promise<void> {
    const { batchSize } = this.#context.entity.config;
    this.#throwFailure();
    this.#collected.push(page);
    this.#collectedSize += page.size;
    if (this.#context.care) {
      if (!more || this.#collectedSize >= batchSize) await this.#writeCarefully();
      return;
    }
    if (this.#writing === undefined ? !more || this.#collectedSize >= rowsAhead : this.#collectedSize >= Math.min(rowsAhead, batchSize)) this.#prepare();
    // A batch that waits while one is written is full: what comes now would only take up memory.
    while (this.#writing !== undefined && this.#partsSize + this.#collectedSize >= batchSize) await new Promise<void>((resolve) => { this.#tellRoom = resolve; });
    this.#throwFailure();
  }

  /** Writes what is left. Throws what the writing threw. */
  async end(): Promise<void> {
    if (this.#context.care) return this.#writeCarefully();
    this.#throwFailure();
    this.#prepare();
    await this.#writing;
    this.#throwFailure();
  }

  /** Resolves when nothing is being written any more. Never throws; starts nothing. */
  async settled(): Promise<void> {
    this.#collected = [];
    this.#parts = [];
    await this.#writing;
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  async #writeCarefully(): Promise<void> {
    const pages = this.#takeCollected();
    if (pages.length > 0) this.#context.onProgress(await applyCarefully(this.#context, { ...this.#batchOf(pages), counted: this.#since() }));
  }

  #prepare(): void {
    const size = this.#collectedSize;
    const pages = this.#takeCollected();
    if (pages.length > 0) {
      const ready = prepare(this.#context, this.#batchOf(pages));
      ready.catch(() => undefined); // awaited when its turn has come
      this.#parts.push({ pages, size, ready });
      this.#partsSize += size;
    }
    if (this.#parts.length > 0) this.#writing ??= this.#write();
  }

  /** Writes until nothing is left that could be. Never rejects: what went wrong is the `#failure`. */
  async #write(): Promise<void> {
    try {
      while (this.#parts.length > 0) await this.#writeParts();
    } catch (error) {
      this.#failure = { error };
    }
    this.#writing = undefined;
    this.#tellRoom?.();
  }

  async #writeParts(): Promise<void> {
    const parts = this.#parts;
    this.#parts = [];
    this.#partsSize = 0;
    this.#tellRoom?.();
    const ready = await Promise.all(parts.map((part) => part.ready));
    const counts = await commitPrepared(this.#context, { ...this.#batchOf(parts.flatMap(({ pages }) => pages)), counted: this.#since() }, joinPrepared(ready));
    this.#context.onProgress(counts);
    if (this.#parts.length === 0) this.#prepare();
  }

  #takeCollected(): ReceivedPage[] {
    const pages = this.#collected;
    this.#collected = [];
    this.#collectedSize = 0;
    return pages;
  }

  #batchOf(pages: readonly ReceivedPage[]): Batch {
    const { entity, run, fence } = this.#context;
    return {
      entity, fence, via: this.#via, isFirst: this.#isFirst,
      incoming: pages.flatMap((page) => page.records),
      withoutKey: pages.flatMap((page) => page.withoutKey),
      run: { id: run.id, partOf: run.partOf, position: pages.at(-1)?.page.position, pages: pages.length, noteSeen: this.#via === 'full' },
    };
  }
}
