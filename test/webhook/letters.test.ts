/** Dead letters of messages: a retry applies the message, and nothing else closes the letter. */
import t from 'tap';
import { until } from '../support/processes.ts';
import { script, scriptedShop, tell } from './scripted.ts';
import { openHooked } from './support.ts';

t.test('a letter is closed when its message has been applied', async (t) => {
  const shop = await openHooked(t, scriptedShop);
  const { operations } = shop.runtime;
  const open = () => operations.deadLetters({ status: 'open', limit: 100 });
  const names = async (): Promise<unknown[]> => (await shop.rows('SELECT name FROM erp.things ORDER BY id')).map(({ name }) => name);
  const retry = async (): Promise<string | null | undefined> => {
    const { runs: [asked] } = await operations.retryDeadLetters({ filter: { entity: 'things' }, trigger: 'test' });
    await shop.settled();
    await shop.applied();
    return (await operations.run(asked?.run.id ?? ''))?.reason;
  };

  await t.test('a change that the source did not tell is not taken for mended by the record as it was before', async (t) => {
    await tell(shop, 'things', { id: 'a', name: 'before', at: '2026-06-01T08:00:00Z' });
    await shop.applied();
    script.says.set('a', { silent: true });
    await tell(shop, 'things', { id: 'a' });
    await until('it was asked for in vain', async () => (await shop.rows(`SELECT 1 FROM webhook_inbox WHERE attempts = 1`)).length === 1);
    await shop.database.pool.query(`UPDATE webhook_inbox SET attempts = 7, not_before = now() WHERE outcome IS NULL`);
    await tell(shop, 'things', { id: 'b', name: 'wakes', at: '2026-06-01T08:00:00Z' });
    await shop.applied();
    t.match(await open(), [{ code: 'webhook.unanswered', key: 'a', status: 'open' }]);
    t.match(await operations.tryDeadLetters({ filter: { entity: 'things' } }), { tried: 1, pass: 0, entities: [{ inbox: 1 }] });
    await operations.retryDeadLetters({ filter: { entity: 'things' }, trigger: 'test' });
    await shop.settled();
    await until('it was asked for again, in vain', async () => (await shop.rows(`SELECT 1 FROM webhook_inbox WHERE attempts = 1 AND again`)).length === 1);
    t.match(await open(), [{ code: 'webhook.unanswered', key: 'a' }], 'it stays open');
    script.says.set('a', 'after');
    t.match(await retry(), /1 put back into the inbox/);
    t.same(await open(), []);
    t.same(await names(), ['after', 'wakes']);
  });

  await t.test('58 dead ones that had no key: mended, replayed, none is left', async (t) => {
    script.reads = false;
    await Promise.all(Array.from({ length: 58 }, (_, n) => tell(shop, 'things', { id: `n${n}`, name: `n${n}`, at: '2026-06-01T08:00:00Z' })));
    await shop.applied();
    t.same([...new Set((await open()).map(({ code, key }) => `${code} ${key}`))], ['webhook.unreadable null']);
    t.equal((await open()).length, 58);
    t.match(await retry(), /58 put back/);
    t.equal((await open()).length, 58, 'still refused');
    script.reads = true;
    t.equal(await operations.webhooks.replay({ filter: { outcome: 'refused', entity: 'things' } }), 58);
    await shop.applied();
    t.same(await open(), []);
    t.equal((await names()).length, 60);
  });

  await t.test('where the message is kept no longer, the letter says so and stays', async (t) => {
    script.reads = false;
    await tell(shop, 'things', { id: 'x', name: 'x' });
    await shop.applied();
    await shop.database.pool.query(`DELETE FROM webhook_inbox WHERE outcome = 'refused'`);
    script.reads = true;
    t.match(await retry(), /1 still refused/);
    t.match(await open(), [{ message: 'its message is kept no longer, so that there is nothing to try again' }]);
  });
});
