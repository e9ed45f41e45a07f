import t from 'tap';
import { displayWidth, table } from '../../core/cli/table.ts';
import { ago, cell, count, counted, duration, plain } from '../../core/cli/text.ts';

t.test('numbers and times are written for people', async (t) => {
  t.strictSame([count(11_000), counted(1, 'run'), counted(2, 'entity', 'entities')], ['11,000', '1 run', '2 entities']);
  t.strictSame([840, 4200, 59_960, 200_000, 7_500_000, 273_600_000].map(duration), ['840 ms', '4.2 s', '1 min 0 s', '3 min 20 s', '2 h 5 min', '3 d 4 h']);
  const now = new Date('2026-01-05T08:00:00Z');
  t.strictSame([null, '2026-01-05T07:59:30Z', '2026-01-05T07:30:00Z', '2026-01-04T20:00:00Z', '2026-01-01T08:00:00Z'].map((when) => ago(when === null ? null : new Date(when), now)), ['–', '30 s ago', '30 min ago', '12 h ago', '4 d ago']);
});

t.test('a text of a stranger can not draw on the terminal', async (t) => {
  t.equal(plain('a\u001b[2Jb\r\nc\u202Ed'), 'a[2Jb cd');
  t.equal(cell({ a: 1 }), '{"a":1}');
  t.equal(cell(null), '–');
});

t.test('columns stand below each other whatever the script, numbers at the right', async (t) => {
  t.strictSame([displayWidth('مصباح'), displayWidth('漢字'), displayWidth('é'), displayWidth('\u001b[31mred\u001b[39m')], [5, 4, 1, 3]);
  t.strictSame(table([{ title: 'name' }, { title: 'rows', right: true }, { title: 'why' }], [['漢字', '5', 'a long reason that does not fit'], ['b', '12,000', '']], 30), [
    'name    rows  why', '漢字       5  a long reason…', 'b     12,000',
  ]);
});
