/**
 * Records that are new, by COPY in its binary format (PostgreSQL manual, "COPY", File Formats): nothing is escaped on this side, nor
 * parsed on the other. The hot path of every first load: keep it plain.
 */
import type { SqlSession } from '../sdk/index.ts';
import type { JsonText } from './json-text.ts';
import type { RecordWrite } from './records.ts';

const columns = ['entity', 'key', 'modified_at', 'observed_at', 'list_hash', 'detail_hash', 'detail_at', 'detail_modified_at', 'detail_due', 'refused', 'mapping', 'deleted_at', 'run_id', 'via', 'raw', 'detail'];
const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
/** Bytes of one piece at least; the socket likes such. */
const piece = 128 * 1024;
/** Bytes of a row beside its texts, at most. */
const fixed = 2 + columns.length * 4 + 8 * 8;
/** Milliseconds from 1970 to 2000, where PostgreSQL's count begins. */
const epoch = Date.UTC(2000, 0, 1);

/** Inserts records that must not exist yet. Throws PostgreSQL's 23505 when one does. */
export async function insertRecords(session: SqlSession, entity: string, runId: string | null, via: string, writes: readonly RecordWrite[]): Promise<void> {
  if (writes.length === 0) return;
  await session.copyFrom(`COPY records (${columns.join(', ')}) FROM STDIN (FORMAT binary)`, rowsOf(entity, runId, via, writes));
}

function* rowsOf(entity: string, runId: string | null, via: string, writes: readonly RecordWrite[]): Generator<Buffer> {
  const rows = new BinaryRows();
  rows.begin();
  for (const write of writes) {
    const full = rows.makeRoom(fixed + most(entity) + most(write.key) + most(via) + most(write.listHash) + most(write.detailHash) + most(write.raw) + most(write.detail));
    if (full) yield full;
    rows.row(columns.length);
    rows.text(entity);
    rows.text(write.key);
    rows.time(write.modifiedAt);
    rows.time(write.observedAt);
    rows.text(write.listHash);
    rows.text(write.detailHash);
    rows.time(write.detailAt);
    rows.time(write.detailModifiedAt);
    rows.boolean(write.detailDue);
    rows.boolean(write.refused);
    rows.integer(write.mapping);
    rows.time(write.deletedAt);
    rows.bigint(runId);
    rows.text(via);
    rows.text(write.raw);
    rows.text(write.detail);
  }
  yield rows.end();
}

/** Bytes that a text takes at most. */
function most(text: JsonText | null): number {
  if (text === null) return 0;
  return typeof text === 'string' ? text.length * 3 : text.length;
}

/** Writes fields, each behind its length, into one piece after the other. Who writes a row makes room for it first. */
class BinaryRows {
  #buffer = Buffer.allocUnsafe(piece);
  #at = 0;

  /** Signature, no flags, no extension. */
  begin(): void {
    this.#at = signature.copy(this.#buffer);
    this.#buffer.fill(0, this.#at, this.#at += 8);
  }

  /** Answers the piece that was written so far, when it had no more room for so many bytes. */
  makeRoom(bytes: number): Buffer | undefined {
    if (this.#at + bytes + 2 <= this.#buffer.length) return undefined;
    const full = this.#buffer.subarray(0, this.#at);
    this.#buffer = Buffer.allocUnsafe(Math.max(piece, bytes + 2));
    this.#at = 0;
    return full.length > 0 ? full : undefined;
  }

  row(fields: number): void {
    this.#at = this.#buffer.writeInt16BE(fields, this.#at);
  }

  text(value: JsonText | null): void {
    if (value === null) return this.#null();
    const start = this.#at + 4;
    const length = typeof value === 'string' ? this.#buffer.write(value, start, 'utf8') : value.copy(this.#buffer, start);
    this.#at = this.#buffer.writeInt32BE(length, this.#at) + length;
  }

  boolean(value: boolean): void {
    this.#at = this.#buffer.writeInt32BE(1, this.#at);
    this.#at = this.#buffer.writeUInt8(value ? 1 : 0, this.#at);
  }

  integer(value: number): void {
    this.#at = this.#buffer.writeInt32BE(4, this.#at);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  bigint(value: string | null): void {
    if (value === null) return this.#null();
    this.#at = this.#buffer.writeInt32BE(8, this.#at);
    this.#at = this.#buffer.writeBigInt64BE(BigInt(value), this.#at);
  }

  /** Microseconds since 2000, in two halves: faster than a BigInt, and exact as far as a Date reaches. */
  time(value: Date | null): void {
    if (value === null) return this.#null();
    const micros = (value.getTime() - epoch) * 1000;
    const high = Math.floor(micros / 2 ** 32);
    this.#at = this.#buffer.writeInt32BE(8, this.#at);
    this.#at = this.#buffer.writeInt32BE(high, this.#at);
    this.#at = this.#buffer.writeUInt32BE(micros - high * 2 ** 32, this.#at);
  }

  end(): Buffer {
    this.#at = this.#buffer.writeInt16BE(-1, this.#at);
    return this.#buffer.subarray(0, this.#at);
  }

  #null(): void {
    this.#at = this.#buffer.writeInt32BE(-1, this.#at);
  }
}
