/** Deletions that messages tell of and the user's table refuses: they go aside with the reason, and hold no other message up. */
import t from 'tap';
import { script, scriptedShop, tell } from './scripted.ts';
import { openHooked } from './support.ts';

const at = '2026-06-01T08:00:00Z';

t.test('told by a message, believed or asked for, a deletion that the table refuses goes aside', async (t) => {
  const shop = await openHooked(t, scriptedShop);
  const { operations } = shop.runtime;
  const letters = () => operations.deadLetters({ status: 'open', limit: 10 });
  const outcomes = async (): Promise<unknown[]> => (await shop.rows(`SELECT entity, key, outcome, code FROM webhook_inbox WHERE event = 'deleted' ORDER BY id`)).map(({ entity, key, outcome, code }) => `${entity} ${key}: ${outcome} ${code ?? ''}`.trim());
  const marked = async (): Promise<unknown[]> => (await shop.rows('SELECT id FROM erp.mute WHERE deleted_at IS NOT NULL UNION ALL SELECT id FROM erp.things WHERE deleted_at IS NOT NULL ORDER BY id')).map(({ id }) => id);
  const remove = async (entity: 'mute' | 'things', ...ids: string[]): Promise<void> => {
    for (const id of ids) script.says.set(id, { gone: true });
    await Promise.all(ids.map((id) => tell(shop, entity, { id }, 'deleted')));
    await shop.applied();
  };
  for (const id of ['a', 'b', 'c']) {
    await tell(shop, 'mute', { id: `m${id}`, name: id, at });
    await tell(shop, 'things', { id: `t${id}`, name: id, at });
  }
  await shop.applied();
  await shop.rows(`CREATE FUNCTION needed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is needed', old.id; END $$`);
  for (const table of ['mute', 'things']) await shop.rows(`CREATE TRIGGER needed BEFORE UPDATE ON erp.${table} FOR EACH ROW WHEN (old.id LIKE '_b') EXECUTE FUNCTION needed()`);

  await remove('mute', 'ma', 'mb', 'mc');
  await remove('things', 'ta', 'tb', 'tc');
  t.same((await outcomes()).toSorted(), ['mute ma: deleted', 'mute mb: refused destination.refused_deletion.P0001', 'mute mc: deleted', 'things ta: deleted', 'things tb: refused destination.refused_deletion.P0001', 'things tc: deleted']);
  t.same(await marked(), ['ma', 'mc', 'ta', 'tc']);
  t.match((await letters()).map(({ entity, key, via, message, attempts }) => `${entity} ${key} by ${via}, ${attempts}: ${message}`).toSorted(), [
    'mute mb by webhook, 1: the table refused to have the row marked as deleted: mb is needed', 'things tb by webhook, 1: the table refused to have the row marked as deleted: tb is needed']);

  await t.test('the same message again makes no second letter; replayed it is tried again', async (t) => {
    await remove('mute', 'mb');
    t.equal((await letters()).length, 2);
    t.match(await operations.webhooks.planReplay({ filter: { outcome: 'refused' } }), { counts: { delete: 2 } });
    t.equal(await operations.webhooks.replay({ filter: { outcome: 'refused', entity: 'mute' } }), 2);
    await shop.applied();
    t.match((await letters()).map(({ key }) => key).toSorted(), ['mb', 'tb']);
  });

  await t.test('a record that is told of again settles its letter; the other one is done once the table lets it go', async (t) => {
    script.says.set('tb', 'here again');
    await tell(shop, 'things', { id: 'tb' });
    await shop.rows('DROP FUNCTION needed CASCADE');
    await tell(shop, 'things', { id: 'tb' });
    await shop.applied();
    t.match((await letters()).map(({ key }) => key), ['mb']);
    await operations.retryDeadLetters({ filter: { entity: 'mute' }, trigger: 'test' });
    await shop.settled();
    t.same(await letters(), []);
    t.same(await marked(), ['ma', 'mb', 'mc', 'ta', 'tc']);
    t.match(await shop.rows(`SELECT name FROM erp.things WHERE id = 'tb'`), [{ name: 'here again' }]);
  });
});
