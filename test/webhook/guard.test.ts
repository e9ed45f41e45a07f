/** What a message may not do: delete by its word alone, go past a pause, fill the memory, wait for nobody. */
import t from 'tap';
import { databaseAccess } from '../../core/store/session.ts';
import { openFaults } from '../../core/store/healing-faults.ts';
import { readLosses } from '../../core/store/webhook-gaps.ts';
import { waitingMessages } from '../../core/store/webhook-inbox.ts';
import { messagesToTry } from '../../core/store/webhook-queries.ts';
import { until } from '../support/processes.ts';
import { script, scriptedShop, tell } from './scripted.ts';
import { openHooked } from './support.ts';

t.test('the word of a message is not enough', async (t) => {
  const shop = await openHooked(t, scriptedShop);
  const { operations } = shop.runtime;
  const { webhooks } = operations;
  const at = '2026-06-01T08:00:00Z';
  const ids = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const make = async (entity: 'things' | 'mute', keys: readonly string[]): Promise<void> => {
    await Promise.all(keys.map((id) => tell(shop, entity, { id, name: id, at })));
    await shop.applied();
  };
  const remove = (entity: 'things' | 'mute', keys: readonly string[]) => Promise.all(keys.map((id) => tell(shop, entity, { id, name: id, at }, 'deleted')));
  const live = async (entity: string): Promise<number> => Number((await shop.rows(`SELECT count(*) AS n FROM erp.${entity} WHERE deleted_at IS NULL`))[0]?.['n']);
  const query = (text: string, values: unknown[] = []) => shop.database.pool.query(text, values);

  await t.test('where the source can say that a record is gone, it is asked before the row goes', async (t) => {
    await make('things', ['a', 'b']);
    script.says.set('b', { gone: true });
    await remove('things', ['a', 'b']);
    await shop.applied();
    t.same(await shop.rows('SELECT id, deleted_at IS NOT NULL AS gone FROM erp.things ORDER BY 1'), [{ id: 'a', gone: 'f' }, { id: 'b', gone: 't' }]);
    t.match(await webhooks.list({ event: 'deleted', key: 'a', limit: 1 }), [{ how: 'refetch', code: 'webhook.not_gone' }]);
  });

  await t.test('where it can not, no more rows go within an hour than the guard allows, until a person says so', async (t) => {
    await make('mute', ids('m', 60));
    await remove('mute', ids('m', 4));
    await shop.applied();
    t.equal(await live('mute'), 56, 'a few go');
    await query(`INSERT INTO webhook_inbox (received_at, connection, entity, event, key, hash, body) SELECT now(), 'scripted', 'mute', 'deleted', id, id, json_build_object('id', id, 'name', id, 'at', $2::text)::text FROM unnest($1::text[]) AS id
      UNION ALL SELECT now(), 'scripted', 'mute', 'changed', 'm19', 'x', '{"id":"m19","name":"lives","at":"2026-06-01T09:00:00Z"}'`, [ids('m', 20), at]);
    await tell(shop, 'mute', { id: 'm59', name: 'wakes', at });
    await shop.applied();
    t.equal(await live('mute'), 56, 'all others are held');
    t.same(await shop.rows(`SELECT name FROM erp.mute WHERE id = 'm19'`), [{ name: 'lives' }], 'and hold nothing up');
    const held = await operations.deadLetters({ code: 'webhook.deletes_held', status: 'open', limit: 50 });
    t.same(held.map(({ key }) => key).toSorted(), ids('m', 19).slice(4).toSorted());
    await operations.retryDeadLetters({ filter: { entity: 'mute' }, trigger: 'test' });
    await shop.settled();
    t.equal(await live('mute'), 56, 'nothing but a person that names them lets them go');
    t.same(await databaseAccess(shop.database.pool).transaction(openFaults), [], 'nor does healing');
    await operations.retryDeadLetters({ filter: { code: 'webhook.deletes_held' }, trigger: 'test' });
    await until('they are gone', async () => (await live('mute')) === 41);
    await shop.applied();
    t.same(await operations.deadLetters({ code: 'webhook.deletes_held', status: 'open', limit: 50 }), []);
  });

  await t.test('a paused connection is left alone, whatever messages come', async (t) => {
    const pause = (connection: string) => operations.pauseConnection(connection, { by: 'Ann', reason: '' });
    await pause('scripted');
    script.asked = [];
    await tell(shop, 'things', { id: 'p1' });
    await tell(shop, 'things', { id: 'p2', name: 'p2', at });
    await until('what needs no question is applied', async () => (await shop.rows(`SELECT 1 FROM erp.things WHERE id = 'p2'`)).length === 1);
    await until('the other one waits', async () => (await webhooks.list({ key: 'p1', limit: 1 }))[0]?.code === 'webhook.rests');
    t.match((await webhooks.list({ key: 'p1', limit: 1 }))[0], { attempts: 0, outcome: null });
    t.same(script.asked, []);
    await operations.resumeConnection('scripted');
    await pause('erp');
    await tell(shop, 'things', { id: 'p3', name: 'p3', at });
    const later = async () => (await operations.jobs.list({ limit: 20 })).filter(({ key }) => key === 'webhook:things:later');
    await until('its job comes again later', async () => (await later()).length === 1 && (await operations.jobs.list({ limit: 20 })).every(({ key }) => key !== 'webhook:things'));
    t.match((await webhooks.list({ key: 'p3', limit: 1 }))[0], { outcome: null });
    await operations.resumeConnection('erp');
    await query('UPDATE webhook_inbox SET not_before = NULL');
    await tell(shop, 'things', { id: 'p4', name: 'p4', at });
    await shop.applied();
    t.equal(await live('things'), 5);
  });

  await t.test('what is read together is limited by its size', async (t) => {
    await query(`INSERT INTO webhook_inbox (received_at, connection, entity, event, key, hash, body) SELECT now(), 'c', 'large', 'changed', n::text, n::text, repeat('x', CASE WHEN n = 1 THEN 5000 ELSE 1000 END) FROM generate_series(1, 6) n`);
    const database = databaseAccess(shop.database.pool);
    t.same((await database.transaction((session) => waitingMessages(session, 'large', 10, 3500))).map(({ key }) => key), ['1'], 'one at least');
    await query(`UPDATE webhook_inbox SET outcome = 'applied' WHERE entity = 'large' AND key = '1'`);
    t.same((await database.transaction((session) => waitingMessages(session, 'large', 10, 3500))).map(({ key }) => key), ['2', '3', '4']);
    t.same((await database.transaction((session) => waitingMessages(session, 'large', 2, 3500))).map(({ key }) => key), ['2', '3']);
    t.equal((await database.transaction((session) => messagesToTry(session, { entity: 'large' }, { after: '0', limit: 4 }))).length, 4);
    t.equal(await webhooks.replay({ filter: { entity: 'large' } }), 0, 'who takes none has none replayed');
    await query(`DELETE FROM webhook_inbox WHERE entity = 'large'`);
  });

  await t.test('who is late was told of, too; and two that save counts at once save each once', async (t) => {
    await query(`INSERT INTO webhook_counts (hour, entity, name, count) VALUES (date_trunc('hour', now()), 'late', 'late', 98), (date_trunc('hour', now()), 'late', 'lost', 2)`);
    t.match((await databaseAccess(shop.database.pool).transaction((session) => readLosses(session, new Date(Date.now() - 3_600_000)))).get('late'), { told: 98, lost: 2 });
    await shop.send('/webhooks/books/invoices/changed', '{}', { sign: 'x' });
    await Promise.all([webhooks.stats(), webhooks.stats(), shop.runtime.webhooks.look()]);
    t.same(await shop.rows(`SELECT count FROM webhook_counts WHERE name = 'signature'`), [{ count: '1' }]);
    t.same((await operations.healthReport()).items.filter(({ area }) => area === 'webhooks').map(({ state, text }) => `${state}: ${text}`), ['warning: 1 of invoices were refused within a day, and none was taken'], 'what never worked is seen');
    await query('DELETE FROM webhook_counts');
    t.same((await operations.healthReport()).items.filter(({ area }) => area === 'webhooks').map(({ text }) => text), ['2 of 4 entities have been told of changes']);
  });
});
