/** A long history, as years would leave it: so many rows in each list that the API shows. All within what is kept, else the tidying would run into the measurement. */
import { withClient } from './database.ts';

/** What is filled, by table. `$1` is the number of rows; times are spread evenly over the last 25 days, the newest last. */
const fills: Record<string, string> = {
  runs: `INSERT INTO runs (entity, mode, trigger, status, code, queued_at, started_at, ended_at, read)
    SELECT (ARRAY['products', 'customers', 'invoices', 'stock'])[1 + n % 4], (ARRAY['incremental', 'full', 'details', 'replay'])[1 + n / 4 % 4], 'schedule', CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'succeeded' END, NULL, t, t, t, n % 5000 FROM rows`,
  dead_letters: `INSERT INTO dead_letters (entity, key, via, code, message, fingerprint, status, identity, first_at, last_at)
    SELECT (ARRAY['products', 'stock'])[1 + n % 2], n::text, 'full', 'map.not_a_number', 'is no number', md5((n % 50)::text), CASE WHEN n % 100 = 0 THEN 'open' ELSE 'resolved' END, NULL, t, t FROM rows`,
  healing_acts: `INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at, ended_at) SELECT 'stuck-jobs', n::text, 'seen', 'done', CASE WHEN n % 5000 = 0 THEN 'told' ELSE 'healed' END, 'n', t, t FROM rows`,
  audit: `INSERT INTO audit (source, actor, kind, action, outcome) SELECT 'api', 'ci', 'token', 'POST /v1/runs', CASE WHEN n % 5000 = 0 THEN 'refused' ELSE 'done' END FROM rows`,
  webhook_inbox: `INSERT INTO webhook_inbox (received_at, connection, entity, event, key, hash, body, outcome, applied_at)
    SELECT now() - (now() - t) / 3, 'books', (ARRAY['products', 'stock'])[1 + n % 2], 'changed', (n % 50000)::text, md5(n::text), '{}', CASE WHEN n % 5000 = 0 THEN 'refused' ELSE 'applied' END, now() - (now() - t) / 3 FROM rows`,
  ticks: `INSERT INTO ticks (schedule, planned, trigger, work, status, due_at, ended_at) SELECT (ARRAY['night', 'often'])[1 + n % 2], t, 'time', 'sync', CASE WHEN n % 5000 = 0 THEN 'failed' ELSE 'succeeded' END, t, t FROM rows`,
  alerts: `INSERT INTO alerts (rule, fingerprint, severity, state, summary, help, since, seen_at, fired_at, resolved_at) SELECT 'run-failed', n::text, 'warning', 'resolved', 's', 'h', t, t, t, t FROM rows`,
  api_tokens: `INSERT INTO api_tokens (name, prefix, hash, scope, created_by, revoked_at) SELECT 'old', 'p' || n, '', 'read', 'x', now() FROM rows`,
};
/** Lists that no year makes long. */
const shorter: Record<string, number> = { api_tokens: 10_000 };

/** Fills the lists of a migrated database, `rows` in each. */
export async function fillHistory(url: string, rows: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('SET search_path TO tds');
    await client.query('SET synchronous_commit TO off');
    for (let day = 1; day <= 13; day += 1) await client.query(`DO $$ BEGIN EXECUTE format('CREATE TABLE webhook_inbox_%s PARTITION OF webhook_inbox FOR VALUES FROM (%L) TO (%L)', to_char(now() AT TIME ZONE 'UTC' - interval '${day} days', 'YYYYMMDD'), date_trunc('day', now() AT TIME ZONE 'UTC') - interval '${day} days', date_trunc('day', now() AT TIME ZONE 'UTC') - interval '${day - 1} days'); END $$`);
    for (const [table, insert] of Object.entries(fills)) {
      const count = Math.ceil(rows / (shorter[table] === undefined ? 1 : 1_000_000 / shorter[table]));
      await client.query(insert.replace(/FROM rows$/, `FROM generate_series(1, $1::int) AS n, LATERAL (SELECT now() - ($1::int - n) * (interval '25 days' / $1::int) AS t) AS at`), [count]);
    }
    await client.query('VACUUM ANALYZE');
  });
}
