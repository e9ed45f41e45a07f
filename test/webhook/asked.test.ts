/** The source is asked about many records: what it says of one is not held against another. */
import t from 'tap';
import { askDetails } from '../../core/pipeline/details.ts';
import { until } from '../support/processes.ts';
import { MemorySource } from '../support/memory-source.ts';
import { script, scriptedShop, tell, type Say } from './scripted.ts';
import { openHooked, type Hooked } from './support.ts';

const shopFor = (scope: Parameters<typeof openHooked>[0]): Promise<Hooked> => openHooked(scope, scriptedShop);

t.test('one bad record among good ones', async (t) => {
  const shop = await shopFor(t);
  const { webhooks } = shop.runtime.operations;
  const hint = (...ids: string[]) => Promise.all(ids.map((id) => tell(shop, 'things', { id })));
  const say = (says: Record<string, Say>): void => Object.entries(says).forEach(([id, one]) => script.says.set(id, one));
  const message = async (key: string) => (await webhooks.list({ key, limit: 1 }))[0];
  const names = async (...ids: string[]): Promise<unknown[]> => (await shop.rows('SELECT name FROM erp.things WHERE id = ANY($1) ORDER BY id', [ids])).map(({ name }) => name);
  const letters = async () => (await shop.runtime.operations.deadLetters({ status: 'open', entity: 'things', limit: 50 })).map(({ key, code }) => `${key} ${code}`).toSorted();
  const wake = () => tell(shop, 'things', { id: 'another', name: 'x', at: '2026-06-01T08:00:00Z' });
  /** The pauses of those that wait are over. */
  const later = async (): Promise<void> => {
    await shop.database.pool.query('UPDATE webhook_inbox SET not_before = now() WHERE outcome IS NULL');
    await wake();
  };

  await t.test('an error for good makes its own messages dead letters, and no others', async (t) => {
    say({ a1: { error: 'refused' } });
    await hint('a1', 'a1', 'a2', 'a3');
    await until('they have ended', async () => (await shop.rows(`SELECT 1 FROM webhook_inbox WHERE outcome IS NOT NULL`)).length === 4);
    t.same(await names('a1', 'a2', 'a3'), ['name of a2', 'name of a3']);
    t.same(await letters(), ['a1 scripted.refused']);
  });

  await t.test('an error for now is counted for its own record alone', async (t) => {
    say({ b1: { error: 'unwell' }, b2: { error: 'unwell' } });
    await hint('b1', 'b2', 'b3');
    await until('the good one is applied', async () => (await names('b3')).length === 1);
    await until('both were tried', async () => (await message('b1'))?.attempts === 1 && (await message('b2'))?.attempts === 1);
    say({ b2: 'well again' });
    await shop.database.pool.query(`UPDATE webhook_inbox SET attempts = 7 WHERE key IN ('b1', 'b2')`);
    await later();
    await until('both have ended', async () => (await message('b1'))?.outcome === 'refused' && (await message('b2'))?.outcome === 'applied');
    t.same(await letters(), ['a1 scripted.refused', 'b1 scripted.unwell']);
  });

  await t.test('where nobody gets an answer, nobody has been tried', async (t) => {
    for (const [error, code] of [['denied', 'scripted.denied'], ['spent', 'scripted.spent']] as const) {
      const ids = Array.from({ length: 60 }, (_, n) => `${error}${n}`);
      script.says = new Map(ids.map((id) => [id, { error }]));
      await hint(...ids);
      await until('all wait', async () => Number((await shop.rows('SELECT count(*) AS n FROM webhook_inbox WHERE outcome IS NULL AND code = $1 AND not_before > now() AND attempts = 0', [code]))[0]?.['n']) === 60);
      script.says.clear();
      await later();
      await until('they are applied', async () => (await shop.rows(`SELECT 1 FROM webhook_inbox WHERE outcome IS NULL`)).length === 0);
    }
    t.same(await letters(), ['a1 scripted.refused', 'b1 scripted.unwell']);
    say({ old: { error: 'denied' } });
    await hint('old');
    await until('it waits', async () => (await message('old'))?.code === 'scripted.denied');
    await shop.database.pool.query(`UPDATE webhook_inbox SET received_at = received_at - interval '25 hours' WHERE key = 'old'`);
    await later();
    await until('it waits no longer than a day', async () => (await message('old'))?.outcome === 'refused');
  });

  await t.test('what was answered is saved before more is asked for', async (t) => {
    const ids = Array.from({ length: 100 }, (_, n) => `c${String(n).padStart(3, '0')}`);
    const gate = Promise.withResolvers<void>();
    script.open = gate.promise;
    script.says = new Map(ids.slice(60).map((id) => [id, { wait: true }]));
    await shop.database.pool.query(`INSERT INTO webhook_inbox (received_at, connection, entity, event, key, hash, body) SELECT now(), 'scripted', 'things', 'changed', id, id, json_build_object('id', id)::text FROM unnest($1::text[]) AS id`, [ids]);
    await wake();
    await until('a part of them is in the table', async () => (await names(...ids)).length === 40);
    gate.resolve();
    await shop.applied();
    t.equal((await names(...ids)).length, 100);
  });

  await t.test('a message whose record has no key of its own ends, where nobody can be asked', async (t) => {
    await tell(shop, 'mute', { id: 'odd', odd: true });
    await until('it is refused', async () => (await message('odd'))?.outcome === 'refused');
    t.equal((await message('odd'))?.code, 'webhook.unreadable');
  });
});

t.test('no call is made when the time is up; who was not asked for is named', async (t) => {
  const source = new MemorySource({ details: 'single', provesGone: true });
  const entity = { source, stream: source.stream, options: {} } as never;
  const asked = await askDetails({ entity, signal: AbortSignal.timeout(120_000) }, ['a', 'b', 'c'], { hasTime: () => source.detailCalls < 2 });
  t.same([asked.incoming.map(({ key }) => key), asked.failures, asked.unasked], [['a', 'b'], [], ['c']]);
});
