import t from 'tap';
import { canonicalType, fitOf } from './column-types.ts';

t.test('types are read in every spelling', async (t) => {
  for (const [written, canonical] of [
    ['int', 'integer'], ['INT8', 'bigint'], [' numeric( 15 , 4 ) ', 'numeric(15,4)'], ['decimal(15)', 'numeric(15,0)'], ['varchar(5)', 'character varying(5)'], ['char', 'character(1)'],
    ['timestamptz', 'timestamp with time zone'], ['timestamptz(3)', 'timestamp(3) with time zone'], ['timestamp (3)  with time zone', 'timestamp(3) with time zone'], ['time(0)', 'time(0) without time zone'],
    ['text[]', 'text[]'], ['int[3][4]', 'integer[]'], ['float8', 'double precision'], ['double  precision', 'double precision'], ['citext', 'citext'], ['erp.status', 'erp.status'], ['bool', 'boolean'],
  ] as const) t.equal(canonicalType(written), canonical, written);
});

t.test('what is more than a type is refused', async (t) => {
  for (const text of ['', 'text default 1', 'text primary key', 'int references x', 'text); drop table x', "text collate \"C\"", 'text -- x', 'int/**/', '"Strange"', 'text null', 'numeric(15,4', 'a.b.c']) {
    t.throws(() => canonicalType(text), { code: 'postgres.bad_type' }, JSON.stringify(text));
  }
});

t.test('which type takes the values of which', async (t) => {
  for (const [from, to, kind] of [
    ['int', 'int4', 'same'], ['int', 'bigint', 'fits'], ['bigint', 'int', 'unfit'], ['smallint', 'integer', 'fits'], ['bigint', 'numeric', 'fits'], ['bigint', 'numeric(10,0)', 'lossy'], ['int', 'double precision', 'fits'], ['bigint', 'float8', 'lossy'],
    ['text', 'varchar', 'fits'], ['text', 'varchar(10)', 'lossy'], ['varchar(5)', 'varchar(10)', 'fits'], ['varchar(10)', 'varchar(5)', 'lossy'], ['varchar(10)', 'text', 'fits'], ['text', 'integer', 'unfit'], ['integer', 'text', 'lossy'], ['text', 'citext', 'fits'],
    ['numeric(8,2)', 'numeric(15,4)', 'fits'], ['numeric(15,4)', 'numeric(15,2)', 'lossy'], ['numeric(15,2)', 'numeric(10,2)', 'lossy'], ['numeric(15,4)', 'numeric', 'fits'], ['numeric', 'numeric(15,4)', 'lossy'], ['numeric', 'integer', 'unfit'],
    ['timestamptz', 'timestamp', 'lossy'], ['timestamp', 'timestamptz', 'lossy'], ['timestamptz(3)', 'timestamptz', 'fits'], ['timestamptz', 'timestamptz(0)', 'lossy'], ['date', 'timestamp', 'fits'], ['timestamp', 'date', 'lossy'],
    ['json', 'jsonb', 'fits'], ['boolean', 'integer', 'unfit'], ['text[]', 'text', 'unfit'], ['int[]', 'bigint[]', 'fits'], ['text[]', 'text[]', 'same'], ['uuid', 'uuid', 'same'], ['text', 'uuid', 'unfit'], ['erp.status', 'status', 'same'],
  ] as const) t.equal(fitOf(from, to).kind, kind, `${from} → ${to}`);
});
