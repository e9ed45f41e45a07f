import { t } from 'tap';
import { insertRecords } from '../../core/store/insert-records.ts';
import { ensureRecordPartition, storedUnder, type RecordWrite } from '../../core/store/records.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { testDatabase } from '../support/database.ts';

const { pool } = await testDatabase(t);
const database = databaseAccess(pool);
const plain: RecordWrite = {
  key: '', expected: null, modifiedAt: null, observedAt: new Date('2026-03-01T10:00:00.123Z'), listHash: null, detailHash: null, detailAt: null, detailModifiedAt: null,
  detailDue: false, refused: false, mapping: 1, deletedAt: null, raw: null, detail: null,
};

/** Writes the records of one entity and answers what is stored then, in their order. */
async function writeAndRead(entity: string, writes: readonly RecordWrite[]): Promise<unknown[]> {
  return database.transaction(async (session) => {
    await ensureRecordPartition(session, entity);
    await insertRecords(session, entity, '9007199254740993', 'full', writes);
    const stored = await storedUnder(session, entity, writes.map(({ key }) => key));
    return writes.map(({ key }) => stored.get(key));
  });
}

function asStored(write: RecordWrite): unknown {
  const { raw, detail } = write;
  const { expected, ...head } = write;
  return { ...head, version: (expected ?? 0) + 1, raw: raw?.toString() ?? null, detail: detail?.toString() ?? null };
}

t.test('what is written is what is read again: times to the ends of the calendar, every kind of text, nothing at all', async (t) => {
  const times = ['0001-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '1999-12-31T23:59:59.999Z', '2000-01-01T00:00:00.000Z', '2026-11-24T12:34:56.789Z', '9999-12-31T23:59:59.999Z'].map((text) => new Date(text));
  const bodies = ['{}', '{"a":"tab\\tnew\\nline \\\\ back\\u0000slash"}', '{"unit":"قطعة 🙂","n":1.50}', Buffer.from('{"came":"as bytes","unit":"قطعة"}'), '[\n\t1,\r\n 2]'];
  const writes: RecordWrite[] = [
    { ...plain, key: 'nothing else' },
    ...times.map((time, index) => ({ ...plain, key: `time ${index}`, modifiedAt: time, observedAt: time, detailAt: time, detailModifiedAt: time, deletedAt: time })),
    ...bodies.map((raw, index) => ({ ...plain, key: `body ${index}\t\\ "مفتاح"`, raw, detail: bodies.at(-1 - index) ?? null, listHash: 'list', detailHash: 'detail', detailDue: true, refused: true, mapping: 2 ** 31 - 1 })),
  ];
  t.strictSame(await writeAndRead('things "of" a\tkind', writes), writes.map(asStored));
  const { rows } = await pool.query(`SELECT DISTINCT run_id::text, via FROM records WHERE entity LIKE 'things%'`);
  t.strictSame(rows, [{ run_id: '9007199254740993', via: 'full' }]);
});

t.test('a set of any size goes through, and bodies larger than a piece', async (t) => {
  const many = Array.from({ length: 3000 }, (_, index) => ({ ...plain, key: String(index), raw: Buffer.from(JSON.stringify({ index, text: 'قطعة'.repeat(index % 50) })) }));
  t.strictSame(await writeAndRead('many', many), many.map(asStored));
  const large = [1, 127, 128, 129, 1000].map((kilobytes) => ({ ...plain, key: `${kilobytes}`, raw: JSON.stringify('x'.repeat(kilobytes * 1024)), detail: Buffer.from(JSON.stringify('ق'.repeat(kilobytes * 512))) }));
  t.strictSame(await writeAndRead('large', large), large.map(asStored));
});

t.test('a record that exists already, or whose body is no JSON, is told by PostgreSQL, and nothing is written', async (t) => {
  await writeAndRead('taken', [{ ...plain, key: 'a' }]);
  await t.rejects(writeAndRead('taken', [{ ...plain, key: 'b' }, { ...plain, key: 'a' }]), { code: '23505' });
  await t.rejects(writeAndRead('taken', [{ ...plain, key: 'c', raw: Buffer.from([0x22, 0xff, 0x22]) }]), { code: '22021' });
  await t.rejects(writeAndRead('taken', [{ ...plain, key: 'd', raw: 'no JSON' }]), { code: '22P02' });
  t.strictSame((await pool.query(`SELECT key FROM records WHERE entity = 'taken'`)).rows, [{ key: 'a' }]);
});
