/** The commands and routes over real dead letters. */
import t from 'tap';
import { listRuns, readRun, type Run } from '../../core/store/runs.ts';
import { applyBatch } from '../../core/pipeline/apply.ts';
import type { Operations } from '../../core/operations/operations.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { startApi } from '../api/support.ts';
import { callCli } from '../cli/support.ts';
import { bench, minute, thing, type Bench } from './support.ts';

/** All operations, with a node elsewhere that does retries at once. */
function operationsOf(b: Bench): Operations {
  const { database } = b.corridor;
  return fakeOperations({
    ...b.operations, record: (_, key) => b.record(key), nodes: async () => [{ nodeId: 'other', concurrency: 4 } as never],
    runs: (filter) => database.transaction((session) => listRuns(session, filter)), run: async (id) => (await database.transaction((session) => readRun(session, id))) as Run,
    async retryDeadLetters(choice) {
      const asked = await b.operations.retryDeadLetters(choice);
      for (const { run } of asked.runs) await b.corridor.resume(run.id);
      return asked;
    },
  });
}

async function broken(t: Parameters<typeof bench>[0]): Promise<Bench> {
  const b = await bench(t);
  for (const id of [1, 2, 3]) b.source.put(thing(id, { price: 'cheap\u001b[2J' }));
  await b.corridor.run('full');
  return b;
}

t.test('tds dead-letters lists, groups, shows, tries, retries and discards', async (t) => {
  const b = await broken(t);
  const operations = operationsOf(b);
  const tds = (...args: string[]) => callCli(['dead-letters', ...args], { operations });
  t.match(await tds(), { exit: 0, out: /things +3 +price +1 .*map\.not_a_number/ });
  t.match(await tds('--key', '2', '--json'), { json: [{ deadLetters: [{ key: '2' }] }] });
  t.match(await tds('groups'), { exit: 0, out: /[0-9a-f]{16} +3 +things +price +map\.not_a_number/ });
  const shown = await tds('show', '1');
  t.match(shown.out, /1 attempt:\n.*full, run 1/);
  t.notOk(shown.out.includes('\u001b'), 'nothing of a record can draw on the terminal');
  t.match(await tds('retry'), { exit: 2, err: /operation\.no_choice/ });
  t.match(await tds('retry', '--dry-run', '--entity', 'things'), { exit: 0, out: /^0 of 3 would pass now; nothing was written\nthings: 0 of 3 pass, 3 refused.*\n {2}3 × price:/ });
  t.match(await tds('discard', '3', '--reason', 'a test', '--by', 'ann'), { exit: 0, out: /1 dead letter discarded/ });
  b.corridor.remap({ fields: { id: {}, name: {} } } as never);
  t.match(await tds('retry', '--all'), { exit: 0, out: /things +2 letters +queued[\s\S]*things: 2 mended, 0 still refused/ });
  t.match(await tds(), { out: 'no open dead letters\n' });
  t.match(await tds('--status', 'discarded'), { out: /things +3/ });
  t.match(await tds('reopen', '3'), { exit: 0 });
  t.match(await tds('retry', '3', '--no-wait', '--json'), { exit: 0, json: [{ letters: 1, runs: [{ mode: 'retry', letters: 1 }] }] });
  t.match(await tds('show', '99'), { exit: 2, err: /operation\.unknown_letter/ });
  t.match(await tds('--since', 'yesterday'), { exit: 2 });
});

t.test('tds record tells what happened to a record', async (t) => {
  const b = await bench(t);
  b.source.put(thing(1));
  await b.corridor.run('full');
  b.source.put(thing(1, { name: 'renamed', modified: minute(9) }));
  await b.corridor.run('full');
  const operations = operationsOf(b);
  const { exit, out } = await callCli(['record', 'things', '1', '--raw'], { operations });
  t.equal(exit, 0);
  t.match(out, /^things 1: live\n[\s\S]*version 2 {2}changed .*by full, run 2 \(asked by test\)\n {2}name: thing 1 → renamed\n {2}raw name: thing 1 → renamed\n[\s\S]*version 1 {2}created/);
  t.match((await callCli(['record', 'things', '1', '--json'], { operations })).json, [{ key: '1', versions: [{ version: 2, fields: [{ field: 'name', from: 'thing 1', to: 'renamed' }] }, { version: 1 }] }]);
  t.match(await callCli(['record', 'things', '404'], { operations }), { exit: 2, err: /operation\.unknown_record/ });
});

t.test('a deletion that the table refused is shown, tried and told like any other', async (t) => {
  const b = await bench(t);
  b.source.put(thing(1));
  await b.corridor.run('full');
  await b.corridor.rows(`CREATE FUNCTION needed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'thing % is needed', old.id; END $$; CREATE TRIGGER needed BEFORE UPDATE ON erp.things FOR EACH ROW EXECUTE FUNCTION needed()`);
  await applyBatch(b.corridor, { entity: b.corridor.entity, via: 'webhook', incoming: [{ form: 'gone', key: '1', observedAt: new Date() }] });
  const operations = operationsOf(b);
  const tds = (...args: string[]) => callCli(args, { operations });
  t.match(await tds('dead-letters'), { out: /things +1 .*the table refused to have the row marked as deleted: thing 1 is needed \(destination\.refused_deletion\.P0001\)/ });
  t.match(await tds('dead-letters', 'retry', '--dry-run', '--all'), { out: /1 of 1 would pass now[^]*1 of them the table itself refused before; whether it takes them now is known only by trying/ });
  t.match(await tds('record', 'things', '1'), { out: /^things 1: refused\n[^]*version 2 {2}deleted .*by webhook {2}refused\n[^]*the messages about it: tds webhooks --entity things --key 1/ });
  await b.corridor.rows('DROP TRIGGER needed ON erp.things');
  t.match(await tds('dead-letters', 'retry', '1'), { out: /things: 1 mended, 0 still refused/ });
  t.match(await tds('record', 'things', '1'), { out: /^things 1: deleted\n[^]*tried again .*by replay, run/ });
});

t.test('the API does the same', async (t) => {
  const b = await broken(t);
  const { call, post } = await startApi(t, operationsOf(b));
  t.match(await call('/v1/dead-letters?field=price&since=1h&limit=2'), { status: 200, body: { deadLetters: [{ key: '3' }, { key: '2' }], next: '2' } });
  t.match(await call('/v1/dead-letter-groups'), { status: 200, body: { groups: [{ count: 3 }] } });
  t.match(await call('/v1/dead-letters/1'), { status: 200, body: { raw: /cheap/, history: [{ via: 'full' }] } });
  t.match(await call('/v1/dead-letters/77'), { status: 404, body: { code: 'operation.unknown_letter' } });
  t.match(await post('/v1/dead-letters/retry', {}), { status: 400, body: { code: 'operation.no_choice' } });
  t.match(await post('/v1/dead-letters/retry', { all: true, dryRun: true }), { status: 200, body: { tried: 3, pass: 0 } });
  t.match(await post('/v1/dead-letters/discard', { ids: ['1'] }), { status: 400, body: { code: 'api.bad_body' } });
  t.match(await post('/v1/dead-letters/discard', { ids: ['1'], reason: 'a test' }), { status: 200, body: { discarded: 1 } });
  t.match(await post('/v1/dead-letters/1/reopen', {}), { status: 200, body: { status: 'open' } });
  b.corridor.remap({ fields: { id: {}, name: {} } } as never);
  t.match(await post('/v1/dead-letters/retry', { entity: 'things', most: 2 }), { status: 202, body: { runs: [{ mode: 'retry', letters: 2 }] } });
  t.equal(await b.open(), 1);
  t.match(await call('/v1/records/things/1'), { status: 200, body: { key: '1', state: 'live' } });
  t.match(await call('/v1/records/things/a%2Fb'), { status: 404, body: { code: 'operation.unknown_record' } });
});
