/** Healing in a whole TDS: it runs from the start of a node, and people see it by the commands and the API. */
import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { callCli } from '../cli/support.ts';
import { startApi } from '../api/support.ts';
import { until } from '../support/processes.ts';
import { openShop, shopConnections } from '../support/shop.ts';

const config = (size: string): string => `${shopConnections}
entities:
  products:
    from: { connection: inventory, stream: items }
    to: { connection: erp, table: products }
    key: item_id
    details: never
    fields: { item_id: item_id, name: name, size: { expr: "${size}", type: integer } }
policies: { healing: { every: 200ms } }
`;

t.test('after the config is mended and the node started again, dead letters heal without a person, and it can be looked up', async (t) => {
  const shop = await openShop(t, { config: config('name') });
  await shop.sync(['products']);
  const open = async (): Promise<number> => Number((await shop.rows(`SELECT count(*) AS n FROM tds.dead_letters WHERE status = 'open'`))[0]?.['n']);
  const all = await open();
  t.ok(all > 20, `${all} dead letters`);
  await until('the fault is known', async () => (await shop.rows('SELECT * FROM tds.healing_faults')).length === 1);
  await shop.runtime.stop({ drainMs: 500 });
  await writeFile(shop.file, config('42'));
  const runtime = await shop.another();
  await until('all are healed', async () => await open() === 0 && (await runtime.operations.healing.acts({ outcome: 'healed', limit: 10 })).length >= 2);
  t.equal(Number((await shop.rows('SELECT count(*) AS n FROM erp.products WHERE size = 42'))[0]?.['n']), all);
  const acts = (await runtime.operations.healing.acts({ rule: 'dead-letters', limit: 10 })).toReversed();
  t.match(acts, [{ outcome: 'healed', came: /5 of 5 passed/ }, { outcome: 'healed', came: /passed, none is left/ }]);

  const { call, post } = await startApi(t, runtime.operations);
  t.match((await call('/v1/healing?limit=1')).body, { acts: [{ rule: 'dead-letters' }], next: acts[1]?.id });
  t.match((await call('/v1/healing/rules')).body, { enabled: true, rules: [{ id: 'stuck-jobs', looks: [{ error: null }] }, {}, {}, {}, {}, { id: 'missed-schedules' }, { id: 'maintenance', cap: null }] });
  t.match(await post('/v1/healing/run', { dryRun: true }), { status: 200, body: { dryRun: true, rules: [{ rule: 'stuck-jobs', found: [] }] } });
  t.match(await post('/v1/healing/run', { rule: 'nonsense' }), { status: 404, body: { code: 'operation.unknown_rule' } });
  t.match(await post('/v1/healing/reset', { act: '999999' }), { status: 404, body: { code: 'operation.unknown_act' } });
  t.equal((await post('/v1/healing/reset', { act: 'x' })).status, 400);

  const { operations } = runtime;
  t.match((await callCli(['healing'], { operations })).out, /dead-letters +healed +\d+ dead letters of "products": .* → try 5 of them again, then the rest, as the config or a plugin has changed → run \d+: 5 of 5 passed/);
  t.match((await callCli(['healing', 'rules'], { operations })).out, /tokens +1 min 0 s +5 /);
  t.match((await callCli(['healing', 'run', '--dry-run'], { operations })).out, /^stuck-jobs: nothing to mend$/m);
  t.match(await callCli(['healing', 'run', 'nonsense'], { operations }), { exit: 2, err: /operation.unknown_rule/ });
  t.match(await callCli(['healing', 'reset', 'all', '--json'], { operations }), { exit: 0, json: [{ reset: 0 }] });
});
