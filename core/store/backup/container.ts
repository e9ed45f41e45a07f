/**
 * The file of a backup: a gzip of lines of JSON and of blocks of rows, so that it is written and read in one go and with flat memory.
 *
 *   tds-backup 1
 *   {header}                                    what it was made of, see `catalog.ts`
 *   {"in","schema","table","columns"}           a table; its rows follow as PostgreSQL's COPY writes them
 *   <bytes in decimal>\n<so many bytes>  …  0\n
 *   {"rows","bytes","sha256"}                   of that table
 *   …
 *   {"end":<number of tables>}                  a file without it is cut off
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { createGunzip, createGzip, type Gzip } from 'node:zlib';
import { StoreError } from '../errors.ts';

/** How the name of a backup ends that is being written. */
export const draftEnding = '.part';
const magic = 'tds-backup 1';
/** Blocks of about this size: small enough to be held, large enough to cost nothing. */
const blockBytes = 256 * 1024;
const longestLine = 64 * 1024 * 1024;

/** What a table's rows came to. */
export interface TableSum { rows: number; bytes: number; sha256: string }

/** Writes a backup beside its place, and puts it there when it is whole. */
export class BackupWriter {
  readonly #place: string;
  readonly #draft: string;
  readonly #gzip: Gzip;
  readonly #done: Promise<void>;
  #tables = 0;

  constructor(place: string) {
    this.#place = place;
    this.#draft = `${place}.${process.pid}${draftEnding}`;
    // Level 4: half the time of the default for a few per cent more bytes.
    this.#gzip = createGzip({ level: 4 });
    const file = createWriteStream(this.#draft, { mode: 0o600 });
    this.#done = finished(file);
    this.#done.catch(() => {});
    file.on('error', (error) => this.#gzip.destroy(error));
    this.#gzip.on('error', (error) => file.destroy(error));
    this.#gzip.pipe(file);
  }

  async begin(header: object): Promise<void> {
    await this.#put(`${magic}\n`);
    await this.#line(header);
  }

  /** One table. `chunks` are COPY's own, of any size. */
  async table(head: object, chunks: AsyncIterable<Buffer>, rows: () => number): Promise<TableSum> {
    await this.#line(head);
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const block of blocksOf(chunks)) {
      hash.update(block);
      bytes += block.length;
      await this.#put(`${block.length}\n`);
      await this.#put(block);
    }
    await this.#put('0\n');
    const sum = { rows: rows(), bytes, sha256: hash.digest('hex') };
    await this.#line(sum);
    this.#tables += 1;
    return sum;
  }

  /** The file is at its place, and on the disk. Answers its size in bytes. */
  async end(): Promise<number> {
    await this.#line({ end: this.#tables });
    this.#gzip.end();
    await this.#done;
    const file = await open(this.#draft, 'r+');
    try {
      await file.sync();
      await chmod(this.#draft, 0o600);
      await rename(this.#draft, this.#place);
      await syncFolder(dirname(this.#place));
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  }

  /** Nothing is left of it. */
  async abandon(): Promise<void> {
    this.#gzip.destroy(new Error('the backup was given up'));
    await this.#done.catch(() => {});
    await rm(this.#draft, { force: true });
  }

  #line(value: object): Promise<void> {
    return this.#put(`${JSON.stringify(value)}\n`);
  }

  async #put(data: string | Buffer): Promise<void> {
    if (this.#gzip.destroyed) await this.#done;
    if (this.#gzip.write(data)) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.#gzip.off('drain', settle).off('close', settle);
        if (this.#gzip.destroyed) reject(this.#gzip.errored ?? new Error('the file was closed'));
        else resolve();
      };
      this.#gzip.once('drain', settle).once('close', settle);
    });
  }
}

/** The name in its folder is on the disk too. Not every system lets a folder be opened: there it is up to the system. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

/** Small chunks joined: a row at a time would cost a line for each. */
async function* blocksOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    held.push(chunk);
    size += chunk.length;
    if (size < blockBytes) continue;
    yield Buffer.concat(held, size);
    held = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(held, size);
}

/** Reads a backup from its begin to its end, once. Everything that does not fit is a StoreError `store.backup_unreadable`. */
export class BackupReader {
  readonly #place: string;
  readonly #source: AsyncIterator<Buffer>;
  readonly #close: () => void;
  #held: Buffer = Buffer.alloc(0);
  #tables = 0;

  constructor(place: string) {
    this.#place = place;
    const file = createReadStream(place);
    const gunzip = createGunzip();
    file.on('error', (error) => gunzip.destroy(error));
    this.#source = file.pipe(gunzip)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#close = () => {
      file.destroy();
      gunzip.destroy();
    };
  }

  async header<T>(): Promise<T> {
    const first = await this.#text();
    if (/^tds-backup \d+$/.test(first) && first !== magic) throw new StoreError('store.backup_newer', `${this.#place} has the form "${first}"; this TDS reads "${magic}".`, 'Restore it with the TDS that made it, or a later one.');
    if (first !== magic) throw this.#fault('it does not begin like a backup');
    return await this.#json() as T;
  }

  /** The next table; undefined at the end. Its rows must be read, by `rows`, before the next one is asked for. */
  async next<T>(): Promise<T | undefined> {
    const line = await this.#json() as { end?: number };
    if (typeof line.end !== 'number') return line as T;
    if (line.end !== this.#tables) throw this.#fault(`it says ${line.end} tables and holds ${this.#tables}`);
    return undefined;
  }

  /** The rows of the table, as COPY takes them. Ends with their sums compared. */
  async *rows(told?: (sum: TableSum) => void): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    let bytes = 0;
    for (;;) {
      const size = Number(await this.#text());
      if (!Number.isSafeInteger(size) || size < 0) throw this.#fault('a block has no size');
      if (size === 0) break;
      for await (const piece of this.#take(size, hash)) yield piece;
      bytes += size;
    }
    const sum = await this.#json() as TableSum;
    if (sum.bytes !== bytes || sum.sha256 !== hash.digest('hex')) throw this.#fault('the rows of a table do not give their checksum');
    this.#tables += 1;
    told?.(sum);
  }

  close(): void {
    this.#close();
  }

  async *#take(size: number, hash: Hash): AsyncGenerator<Buffer> {
    for (let left = size; left > 0;) {
      if (this.#held.length === 0) await this.#more();
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      hash.update(piece);
      yield piece;
    }
  }

  async #json(): Promise<unknown> {
    const text = await this.#text();
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw this.#fault('a line is no JSON');
    }
  }

  async #text(): Promise<string> {
    for (let from = 0; ;) {
      const at = this.#held.indexOf(10, from);
      if (at !== -1) {
        const line = this.#held.toString('utf8', 0, at);
        this.#held = this.#held.subarray(at + 1);
        return line;
      }
      if (this.#held.length > longestLine) throw this.#fault('a line has no end');
      from = this.#held.length;
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    let next: IteratorResult<Buffer>;
    try {
      next = await this.#source.next();
    } catch (cause) {
      throw this.#fault(cause instanceof Error ? cause.message : String(cause), cause);
    }
    if (next.done === true) throw this.#fault('it ends too early');
    this.#held = this.#held.length === 0 ? next.value : Buffer.concat([this.#held, next.value]);
  }

  #fault(what: string, cause?: unknown): StoreError {
    return new StoreError('store.backup_unreadable', `${this.#place} can't be read as a backup: ${what}.`, 'Take another backup; nothing was changed.', cause === undefined ? {} : { cause });
  }
}
