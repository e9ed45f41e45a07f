import t from 'tap';
import type { Incoming, Stored } from '../../core/pipeline/decide.ts';
import { factorOf } from '../../core/webhook/gaps.ts';
import { compileMapping } from '../../core/pipeline/mapping/index.ts';
import { mustAsk } from '../../core/webhook/judge.ts';
import { readMessage } from '../../core/webhook/message.ts';

const at = (seconds: number): Date => new Date(1_700_000_000_000 + seconds * 1000);
const entity = { source: { readDetails: async () => [] }, stream: { details: 'single', provesGone: true } } as never;
const message = (modified: number | null, hash = 'new'): Incoming => ({ form: 'detail', key: 'a', record: {}, text: '{}', hash, modifiedAt: modified === null ? null : at(modified), observedAt: at(modified ?? 99), proof: false });
const gone = (modified?: number): Incoming => ({ form: 'gone', key: 'a', observedAt: at(99), ...(modified === undefined ? {} : { modifiedAt: at(modified) }) });
const stored = (modified: number, more: Partial<Stored> = {}): Stored => ({ key: 'a', version: 1, modifiedAt: at(modified), observedAt: at(modified), listHash: null, detailHash: 'old', detailAt: at(modified), detailModifiedAt: at(modified), detailDue: false, refused: false, mapping: 1, deletedAt: null, ...more });

t.test('a message is taken where it is whole and certainly the newest, else the source is asked', async (t) => {
  for (const [asks, what, incoming, known, whole = true] of [
    [false, 'an unknown record', message(5), undefined], [false, 'newer', message(9), stored(5)], [false, 'older', message(3), stored(5)], [false, 'the same', message(5, 'old'), stored(5)],
    [true, 'half a record', message(9), stored(5), false], [true, 'no record', undefined, stored(5)], [true, 'no time of its own', message(null), stored(5)],
    [true, 'another content of the same second', message(5), stored(5)], [false, 'of a second that was looked at when it was over', message(5), stored(5, { observedAt: at(9) })],
    [true, 'newer than the last state of what was taken as gone', message(7), stored(5, { deletedAt: at(9) })], [false, 'older than that', message(4), stored(5, { deletedAt: at(9) })], [false, 'changed after it was gone', message(10), stored(5, { deletedAt: at(9) })],
    [true, 'the deletion of the last state', gone(5), stored(5)], [false, 'the deletion of what is gone', gone(5), stored(5, { deletedAt: at(9) })], [true, 'a deletion, though it was changed since', gone(4), stored(5)], [true, 'a deletion that tells no time', gone(), stored(5)], [false, 'a deletion of what nobody knows', gone(), undefined],
  ] as const) t.equal(mustAsk({ apply: 'auto', entity }, { incoming, whole }, known), asks, what);
  t.equal(mustAsk({ apply: 'payload', entity }, { incoming: message(null), whole: false }, stored(5)), false);
  t.equal(mustAsk({ apply: 'payload', entity }, { incoming: gone(9), whole: true }, stored(5)), true, 'no payload proves a deletion');
  t.equal(mustAsk({ apply: 'refetch', entity }, { incoming: message(9), whole: true }, stored(5)), true);
  t.equal(mustAsk({ apply: 'refetch', entity: { source: {}, stream: { details: 'none', provesGone: false } } as never }, { incoming: message(9), whole: true }, stored(5)), false, 'nobody can be asked');
});

t.test('an entity is read more often while messages are lost', async (t) => {
  const losses = (told: number, lost: number): { entity: string; told: number; lost: number; late: number } => ({ entity: 'a', told, lost, late: 0 });
  t.same([undefined, losses(0, 0), losses(10, 1), losses(1000, 3), losses(10, 5), losses(0, 2)].map((one) => factorOf(one, 0.02)), [1, 1, 1, 1, 0.25, 0.25]);
});

t.test('a message is whole where it brings what a field, an expression or a list reads of the details', async (t) => {
  const whole = (fields: object, record: object, children = {}): boolean => {
    const config = { to: { table: 'x' }, key: ['id'], fields: { id: {}, ...fields }, children };
    const stream = { name: 'x', key: ['id'], fields: [{ path: 'notes', type: 'string', only: 'detail' }, { path: 'address', type: 'object', only: 'detail' }] };
    const entity = { config, stream, options: {}, mapping: compileMapping(config) };
    return readMessage({ entity, webhook: { read: () => ({ record: { id: '1', ...record } }) } } as never, 'changed', {}).whole;
  };
  t.same([whole({ total: {} }, {}), whole({ notes: {} }, {}), whole({ notes: {} }, { notes: '' })], [true, false, true]);
  const city = { city: { expr: 'address.city' } };
  t.same([whole(city, { notes: '' }), whole(city, { address: {} })], [false, true]);
  const all = { text: { expr: '$string($)' } };
  t.same([whole(all, { notes: '' }), whole(all, { notes: '', address: {} })], [false, true]);
  const lines = { lines: { from: 'lines', table: 'y', key: ['no'], fields: { no: {}, city: { expr: '$parent.address.city' } } } };
  t.same([whole({}, { lines: [] }, lines), whole({}, { lines: [], address: {} }, lines)], [false, true]);
});
