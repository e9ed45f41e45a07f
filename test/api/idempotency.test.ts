import t from 'tap';
import { realAccess } from './real-access.ts';
import { startApi } from './support.ts';

const json = { 'Content-Type': 'application/json' };

t.test('a request that is repeated with its key begins nothing twice, and another one may not use the key', async (t) => {
  const real = await realAccess(t);
  const { call } = await startApi(t, real.operations);
  const sync = (key: string, body: object, headers: object = {}) => call({ method: 'POST', path: '/v1/runs', headers: { ...json, 'Idempotency-Key': key, ...headers }, body: JSON.stringify(body) });
  const first = await sync('one', { entities: ['products'], mode: 'full' });
  const again = await sync('one', { mode: 'full', entities: ['products'] });
  t.match([first.status, again.status, again.headers['idempotency-replayed'], again.headers['location']], [202, 202, 'true', first.headers['location']]);
  t.equal(again.text, first.text);
  t.equal(real.operations.asked.length, 1);
  t.match(await sync('one', { entities: ['stock'] }), { status: 422, body: { code: 'api.idempotency_reused' } });
  t.match(await sync('two', { entities: ['stock'] }), { status: 202 });
  t.match(await sync('x'.repeat(201), { entities: ['stock'] }), { status: 400, body: { code: 'api.bad_key' } });
  const Authorization = `Bearer ${await real.token('operate')}`;
  t.match(await sync('one', { entities: ['stock'] }, { Authorization }), { status: 202 }, 'the key of another caller is another key');
  t.equal(real.operations.asked.length, 3);
});

t.test('what failed may be tried again; what is under way is not begun beside itself', async (t) => {
  const real = await realAccess(t);
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let fail = true;
  const { sync } = real.operations;
  real.operations.sync = async (request) => {
    if (fail) throw new Error('by chance');
    begun.resolve();
    await release.promise;
    return sync(request);
  };
  const { call } = await startApi(t, real.operations);
  const ask = () => call({ method: 'POST', path: '/v1/entities/products/sync', headers: { 'Idempotency-Key': 'k' } });
  t.equal((await ask()).status, 500);
  fail = false;
  const slow = ask();
  await begun.promise;
  t.match(await ask(), { status: 409, headers: { 'retry-after': '1' }, body: { code: 'api.idempotency_busy' } });
  release.resolve();
  t.equal((await slow).status, 202);
  t.match(await ask(), { status: 202, headers: { 'idempotency-replayed': 'true' } });
  await real.pool.query(`UPDATE api_answers SET at = at - interval '25 hours'`);
  t.notOk((await ask()).headers['idempotency-replayed'], 'a day later it is forgotten');
  t.equal(real.operations.asked.length, 2);
  await real.pool.query(`UPDATE api_answers SET status = NULL, at = at - interval '3 minutes'`);
  t.equal((await ask()).status, 202, 'what a dead process left behind holds nobody up');
});
