/** One sign-in for all connections and nodes: few tokens are asked for, and one that is refused stops everything at once. */
import t from 'tap';
import { openShop, shopConnections } from '../support/shop.ts';
import { until } from '../support/processes.ts';

const entity = (id: string, connection: string, stream: string, key: string): string => `  ${id}:
    from: { connection: ${connection}, stream: ${stream} }
    to: { connection: erp, table: ${id} }
    key: ${key}
    fields: { ${key}: ${key} }
`;
const config = `${shopConnections}entities:\n${entity('products', 'inventory', 'items', 'item_id')}${entity('taxes', 'books', 'taxes', 'tax_id')}`;

void t.test('two connections on two nodes share a token; a revoked sign-in stops them, is told of once, and is asked again seldom', async (t) => {
  const shop = await openShop(t, { config, sandbox: { scale: 'small', items: 50, daysOfOrders: 1 } });
  const { operations } = shop.runtime;
  const other = await shop.another({ role: 'node', nodeId: 'other' });
  await shop.sync('all');
  const checked = await Array.fromAsync(other.operations.check(['books'], AbortSignal.timeout(120_000)));
  t.same(checked.filter(({ ok }) => !ok), []);
  t.equal(shop.sandbox.tokens.issued, 1, 'one token for both connections and both nodes');

  shop.sandbox.tokens.revoke();
  shop.sandbox.tokens.expireAll();
  const asked = (): number => shop.sandbox.calls.entries.filter(({ path }) => path.includes('/oauth')).length;
  const before = asked();
  for (let round = 0; round < 4; round++) {
    const runs = await shop.sync('all');
    t.same(runs.map(({ status, code }) => `${status} ${code}`), ['failed zoho.refresh_token_refused', 'failed zoho.refresh_token_refused']);
    t.match(runs[0]?.reason, /Make a new refresh token/, 'it says what to do');
  }
  t.equal(asked() - before, 1, 'asked once, by eight runs on two nodes');
  t.equal(shop.lines.filter((line) => line.includes('the sign-in is refused: this connection does nothing')).length, 1, 'told once');
  for (const runtime of [shop.runtime, other]) {
    const sources = (await runtime.operations.connections()).filter(({ kind }) => kind === 'source');
    t.match(sources.map(({ remote }) => remote['signIn']), [{ code: 'zoho.refresh_token_refused' }, { code: 'zoho.refresh_token_refused' }]);
  }
  await operations.healing.run({ rule: 'tokens', dryRun: false, trigger: 'test' });
  await until('a person was told', async () => (await operations.healing.acts({ rule: 'tokens', limit: 10 })).some(({ outcome }) => outcome === 'told'));

  // Each restart comes with the same credentials: no further call before the rest is over.
  shop.sandbox.tokens.revoke(false);
  await shop.database.pool.query(`UPDATE tds.tokens SET denied_at = denied_at - interval '20 minutes'`);
  const runs = await shop.sync('all');
  t.same(runs.map(({ status }) => status), ['succeeded', 'succeeded'], 'it goes on by itself when the sign-in is good again');
  t.same((await operations.connections()).filter(({ kind }) => kind === 'source').map(({ remote }) => remote['signIn']), [null, null]);
  t.equal(shop.sandbox.tokens.issued, 2);
});
