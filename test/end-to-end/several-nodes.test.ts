/** Nodes with roles, as processes of their own, on one database; two that serve the API behind a real haproxy. */
import t from 'tap';
import { tds } from '../cli/support.ts';
import { findHaproxy, startHaproxy } from '../support/haproxy.ts';
import { until, type Child } from '../support/processes.ts';
import { freePort } from '../support/redis.ts';
import { openShop, shopConnections } from '../support/shop.ts';
import { allDifferences } from '../support/shop-truth.ts';

const config = `${shopConnections}
api: { host: 127.0.0.1, port: 0, proxies: 127.0.0.1 }
entities:
  locations:
    from: { connection: inventory, stream: locations }
    to: { connection: erp, table: locations }
    key: location_id
    fields: { location_id: location_id, name: location_name, type: type, city: address.city, country: address.country, parent_location_id: parent_location_id }
  taxes:
    from: { connection: books, stream: taxes }
    to: { connection: erp, table: taxes }
    key: tax_id
    fields: { tax_id: tax_id, name: tax_name, type: tax_type, percentage: { from: tax_percentage, type: "numeric(12,4)" } }
`;

interface Reply { status: number; by: string; replayed: boolean; body: Record<string, unknown> & { runs?: { id: string; node: string | null }[] }; cookie: string }

/** Asks, and says which node has answered. A connection for each question, as different callers would have. */
async function ask(url: string, path: string, options: { method?: string; token?: string; headers?: Record<string, string>; body?: unknown } = {}): Promise<Reply> {
  const { method = 'GET', token, headers = {}, body } = options;
  const answer = await fetch(`${url}${path}`, {
    method, headers: { Connection: 'close', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status, by: answer.headers.get('x-served-by') ?? '', replayed: answer.headers.get('idempotency-replayed') === 'true', cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '',
    body: text.startsWith('{') ? JSON.parse(text) as Reply['body'] : { text },
  };
}

void t.test('two nodes serve the API, another one works', async (t) => {
  const shop = await openShop(t, { config, role: 'client', sandbox: { customers: 3, daysOfOrders: 1 } });
  const { secret: admin } = await shop.runtime.operations.access.createToken({ name: 'admin', scope: 'admin', expiresAt: null, by: 'a test' });
  const start = (roles: string): Child => tds(t, ['start', '--json', '--config', shop.file, '--roles', roles], { env: { ...shop.env, TDS_SUPERVISED: '1', TDS_SCHEDULES: '' } });
  const nodes = [start('api'), start('api'), start('worker,scheduler')] as const;
  const said = await Promise.all(nodes.map((node) => node.json<{ api: string; roles: string[] }>()));
  const [one, two, worker] = said.map(({ api }) => api) as [string, string, string];
  const idOf = async (child: Child): Promise<string> => (await shop.runtime.operations.nodes()).find(({ pid }) => pid === child.pid)?.nodeId ?? 'nobody';

  t.same(said.map(({ roles }) => roles), [['api'], ['api'], ['worker', 'scheduler']]);
  t.same((await shop.runtime.operations.nodes()).filter(({ roles }) => roles !== null).map(({ roles, concurrency }) => `${roles} ${concurrency}`).sort(), ['api 0', 'api 0', 'worker,scheduler 4']);
  const listed = tds(t, ['nodes', '--config', shop.file], { env: shop.env });
  await listed.ended;
  t.match(listed.output, /worker, scheduler/, 'tds nodes shows them');

  await t.test('a node without the role api tells of its health and its metrics alone', async (t) => {
    t.equal((await ask(worker, '/healthz')).status, 200);
    t.equal((await ask(worker, '/readyz')).status, 200);
    t.match((await ask(worker, '/metrics', { token: admin })).body['text'], /^tds_/m);
    for (const path of ['/', '/v1/runs', '/v1/nodes', '/v1/health', '/docs', '/openapi.json']) t.match(await ask(worker, path, { token: admin }), { status: 404, body: { code: 'api.unknown_route' } }, path);
    t.equal((await ask(worker, '/webhooks/books/invoices/add_edit', { method: 'POST', body: {} })).status, 404, 'it takes no messages');
    t.equal((await ask(worker, '/v1/session', { method: 'POST', body: { token: admin } })).status, 404, 'and signs nobody in');
  });

  const program = findHaproxy();
  if (program === undefined) {
    process.stderr.write('NOT RUN: most of test/end-to-end/several-nodes.test.ts needs haproxy (apt-get install haproxy).\n');
    t.pass('no haproxy on this machine', { skip: 'NOT RUN: there is no haproxy here; apt-get install haproxy' });
    return;
  }
  const front = await startHaproxy(t, program, [one, two], await freePort());
  await until('haproxy knows both', async () => new Set([(await ask(front, '/healthz')).by, (await ask(front, '/healthz')).by]).size === 2);

  await t.test('a request with a key that comes again at another node begins nothing anew; the worker does the work', async (t) => {
    const sync = (key: string): Promise<Reply> => ask(front, '/v1/runs', { method: 'POST', token: admin, headers: { 'Idempotency-Key': key }, body: { entities: 'all', mode: 'full' } });
    const [first, second] = [await sync('same'), await sync('same')];
    t.equal(first.status, 202);
    t.not(first.by, second.by, 'two nodes were asked');
    t.same([second.replayed, second.body], [true, first.body]);
    await shop.settled();
    const { runs = [] } = (await ask(front, '/v1/runs', { token: admin })).body;
    t.equal(runs.length, 2);
    t.same([...new Set(runs.map(({ node }) => node))], [await idOf(nodes[2])], 'done by the worker alone');
    t.same(await allDifferences(shop, ['locations', 'taxes']), []);
  });

  await t.test('a page that signed in at one node is known to the other, until it signs out', async (t) => {
    const signed = await ask(front, '/v1/session', { method: 'POST', body: { token: admin } });
    const looks = [await ask(front, '/v1/session', { headers: { Cookie: signed.cookie } }), await ask(front, '/v1/session', { headers: { Cookie: signed.cookie } })];
    t.equal(new Set(looks.map(({ by }) => by)).size, 2);
    t.same(looks.map(({ status, body }) => [status, body['csrf']]), [[200, signed.body['csrf']], [200, signed.body['csrf']]], 'and what its acts must carry is the same');
    await ask(one, '/v1/session', { method: 'DELETE', headers: { Cookie: signed.cookie, 'X-CSRF-Token': signed.body['csrf'] as string } });
    await until('the other node knows too', async () => (await ask(two, '/v1/session', { headers: { Cookie: signed.cookie } })).status === 401);
  });

  await t.test('a run that another node works on can be watched live, to its end', async (t) => {
    const { body: { runs: [run] = [] } } = await ask(front, '/v1/runs', { method: 'POST', token: admin, body: { entities: ['locations'], mode: 'full' } });
    const answer = await fetch(`${front}/v1/runs/${run?.id}/events`, { headers: { Authorization: `Bearer ${admin}` } });
    const text = await answer.text();
    t.match(text, /event: run[\s\S]*event: end/);
    t.match(text, /"status":"succeeded"/);
  });

  await t.test('a revoked token is refused by each node', async (t) => {
    const { secret, token } = await shop.runtime.operations.access.createToken({ name: 'short', scope: 'read', expiresAt: null, by: 'a test' });
    for (const url of [one, two]) t.equal((await ask(url, '/v1/nodes', { token: secret })).status, 200);
    t.equal((await ask(one, `/v1/tokens/${token.id}/revoke`, { method: 'POST', token: admin, body: {} })).status, 200);
    await Promise.all([one, two].map((url) => until('it is refused', async () => (await ask(url, '/v1/nodes', { token: secret })).status === 401)));
  });

  await t.test('who tries bad tokens is slowed down by the address that the proxy tells, and nobody else is', async (t) => {
    const from = (address: string, token: string): Promise<Reply> => ask(front, '/v1/nodes', { token, headers: { 'X-Forwarded-For': `10.1.2.3, ${address}` } });
    // haproxy adds the address that it was asked from, which is a proxy's too
    const statuses = await Promise.all(Array.from({ length: 40 }, async (_, n) => (await from('203.0.113.9', `tds_bad${n}`)).status)); // together: a slow machine earns none by waiting
    t.same([...new Set(statuses)].sort(), [401, 429]);
    t.equal((await from('203.0.113.10', 'tds_bad')).status, 401, 'another address may still try');
    t.equal((await from('203.0.113.10', admin)).status, 200);
    const { rows } = await shop.database.pool.query<{ address: string }>(`SELECT DISTINCT address FROM tds.audit WHERE outcome = 'refused' AND address LIKE '203.%' ORDER BY 1`);
    t.same(rows.map(({ address }) => address), ['203.0.113.10', '203.0.113.9'], 'the audit names them');
  });

  await t.test('a node that is killed, and one that stops, take no request with them', async (t) => {
    nodes[0].process.kill('SIGKILL');
    await nodes[0].ended;
    await until('haproxy has seen it', async () => [await ask(front, '/healthz'), await ask(front, '/healthz')].every(({ by, status }) => by === 'two' && status === 200));
    for (let n = 0; n < 10; n++) t.match(await ask(front, '/v1/nodes', { token: admin }), { status: 200, by: 'two' });
    t.match(await ask(front, '/v1/runs', { method: 'POST', token: admin, body: { entities: ['taxes'], mode: 'full' } }), { status: 202 });
    nodes[1].process.kill('SIGTERM');
    t.match(await nodes[1].ended, { code: 0 });
    await shop.settled();
    t.same(await allDifferences(shop, ['taxes']), [], 'what was accepted is done, without any node that serves the API');
  });
});
