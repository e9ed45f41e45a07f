/** Schedules at work in a whole TDS, and a config that changes under it. */
import { rename, writeFile } from 'node:fs/promises';
import t from 'tap';
import { notifierService } from '../support/notifier-service.ts';
import { openShop, shopConnections, type Shop } from '../support/shop.ts';
import { until } from '../support/processes.ts';

const entity = (name: string, more = ''): string => `  ${name}:
    from: { connection: books, stream: currencies }
    to: { connection: erp, table: ${name} }
    key: currency_id
    fields: { currency_id: currency_id, code: currency_code${more} }
`;
const file = (entities: string, schedules: string, connections = shopConnections): string => `${connections}entities:\n${entities}schedules:\n${schedules}`;
const begin = file(entity('currencies'), `  quick: { every: 1s, run: sync, overlap: queue }
  summary: { every: 1s, run: report }
  healing: { every: 1s, run: heal, rules: [orphaned-runs] }
  upkeep: { every: 1s, run: maintain }
  comparison: { every: 1s, run: compare }
  far: { cron: "0 2 1 1 *", run: sync }
`);

void t.test('a config with schedules', async (t) => {
  const hook = await notifierService(t, { fault: ({ body }) => (body['type'] === undefined ? 'no_type' : undefined), answers: Object.fromEntries(['well', 'busy', 'unwell', 'refuses', 'denies'].map((mood) => [mood, { status: 200, body: 'ok' }])) as never });
  const shop = await openShop(t, { sandbox: { customers: 3, daysOfOrders: 1 }, config: `${begin}notifiers:\n  hook: { plugin: webhook, with: { url: "${hook.url}/x" } }\n`, env: { TDS_SCHEDULES: '' } });
  const { operations } = shop.runtime;
  const { schedules } = operations;
  const ended = async (schedule: string) => (await schedules.ticks({ schedule, limit: 50 })).find((tick) => tick.endedAt !== null && tick.startedAt !== null);

  await t.test('each kind of work is done, and says what it came to', async (t) => {
    await until('each has ended once', async () => (await Promise.all(['quick', 'summary', 'healing', 'upkeep'].map(ended))).every((tick) => tick !== undefined));
    t.match(await ended('quick'), { status: 'succeeded', trigger: /time|catch-up/, runs: [/\d+/] });
    t.match(await ended('summary'), { status: 'succeeded', reason: /^report \d+: .*; goes to hook$/ });
    const heard = new Map<string, unknown>();
    await until('people have the report', () => {
      for (const { headers, body } of hook.taken()) if (body['type'] === 'report') heard.set(String(headers['webhook-id']), body);
      return heard.size > 0;
    });
    t.match([...heard.values()][0], { data: { kind: 'report', title: /report – (All is well|\d+ things? to look at): \d+ runs/, document: { text: /^TDS report, /, html: /^<!doctype html>/ }, alerts: [{ help: /^tds report \d+$/ }] } });
    t.match(await ended('healing'), { status: 'succeeded', reason: 'nothing to mend' });
    t.match(await ended('upkeep'), { status: 'succeeded', reason: /partitions made/ });
    t.match((await schedules.ticks({ schedule: 'comparison', limit: 1 }))[0], { status: 'skipped', reason: 'comparing source and table is not in this version of TDS' });
    t.match((await schedules.report()).text, /^TDS report, /);
    t.match((await shop.rows('SELECT count(*) > 0 AS filled FROM erp.currencies')), [{ filled: 't' }]);
  });

  await t.test('a changed file is taken over by itself: schedules, entities, and what wants a restart is told', async (t) => {
    const next = file(entity('currencies', ', name: currency_name') + entity('more'), '  quick: { every: 1s, run: sync, entities: [more] }\n  fresh: { cron: "0 3 * * *", run: sync }\n', shopConnections.replace('timezone: Asia/Baghdad', 'timezone: Europe/London'));
    // as editors do it: a new file in the place of the old one
    await writeFile(`${shop.file}~`, next);
    await rename(`${shop.file}~`, shop.file);
    await until('the new schedules are in force', async () => (await schedules.list()).map(({ id }) => id).join() === 'quick,fresh');
    t.match(await schedules.one('fresh'), { timezone: 'Europe/London' });
    await until('the new entity was filled', async () => (await shop.rows(`SELECT 1 FROM information_schema.tables WHERE table_schema = 'erp' AND table_name = 'more'`)).length > 0);
    await shop.sync(['currencies']);
    t.match(await shop.rows('SELECT count(name) > 0 AS filled FROM erp.currencies'), [{ filled: 't' }], 'the new mapping');
  });

  await t.test('every node that lives is asked through the database, and tells what came of it', async (t) => {
    const [client, second] = [await shop.another({ role: 'client' }), await shop.another({ role: 'node', nodeId: 'second' })];
    const reports = await client.operations.reloadNodes();
    t.equal(reports.length, 2);
    t.same(new Set(reports.map(({ node }) => node)), new Set([shop.runtime.nodeId, 'second']));
    t.match(reports.map(({ report, error }) => ({ applied: report?.applied, error })), [{ applied: true, error: null }, { applied: true, error: null }]);
    const before = (await shop.rows('SELECT count(*) AS n FROM tds.reload_answers'))[0]?.['n'];
    t.match(await operations.reload(), { applied: true });
    await until('the other node has followed', async () => (await shop.rows(`SELECT 1 FROM tds.reload_answers WHERE node = 'second'`)).length === 2);
    t.equal((await shop.rows('SELECT count(*) AS n FROM tds.reload_answers'))[0]?.['n'], String(Number(before) + 2), 'each answered once');
    await second.stop();
  });

  await t.test('a bad file changes nothing and is told with its line', async (t) => {
    const before = await schedules.list();
    await writeFile(shop.file, begin.replace('run: report', 'run: reprot'));
    const report = await operations.reload();
    t.equal(report.applied, false);
    t.match(report.findings.filter(({ severity }) => severity === 'error'), [{ code: 'config.bad_value', line: /\d+/ }]);
    t.same((await schedules.list()).map(({ id }) => id), before.map(({ id }) => id));
    await until('the log tells it', async () => shop.lines.some((line) => line.includes('is not taken over')));
  });

  await t.test('what can not be changed at run time is named, with what hangs on it', async (t) => {
    await restart(shop);
    const report = await operations.reload();
    t.match(report, { applied: true, needsRestart: ['api', 'alerts', 'notifiers', 'connections.books', 'entities.other'], entities: { added: [], removed: ['more'], changed: [] } });
    t.same((await operations.entities()).map(({ id }) => id).sort(), ['currencies']);
  });
});

/** A file with another connection, another port, and an entity that is new and hangs on the connection. */
async function restart(shop: Shop): Promise<void> {
  const connections = shopConnections.replace('plugin: zoho-books\n', 'plugin: zoho-books\n    timeout: { total: 99s }\n');
  await writeFile(shop.file, `api: { port: 9999 }\nalerts: { repeat: 1h }\n${file(entity('currencies', ', name: currency_name') + entity('other'), '  far: { cron: "0 2 1 1 *", run: sync }\n', connections)}`);
}
