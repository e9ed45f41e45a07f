/** Applies each message in a job of its own: the same mapping, the same tables, the same outcome in the inbox, four workers. */
import { loadProject } from '../../core/main.ts';
import { buildEntities } from '../../core/entities.ts';
import { inertContext } from '../../core/inert-context.ts';
import { createConnector } from '../../core/host/index.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { prepareEntity } from '../../core/pipeline/execute-run.ts';
import { createQueue, type TaskHandler } from '../../core/queue/index.ts';
import { systemClock } from '../../core/monitor/clock.ts';
import { createPool } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import type { Waiting } from '../../core/store/webhook-inbox.ts';
import { applySet } from '../../core/webhook/apply-set.ts';
import { hearingsOf } from '../../core/webhook/index.ts';

const project = await loadProject({ env: process.env, cwd: process.cwd(), log: silentLogger, ...(process.env['TDS_CONFIG'] ? { file: process.env['TDS_CONFIG'] } : {}) });
if (!project.config) throw new Error(JSON.stringify(project.findings));
const url = process.env['TDS_DATABASE_URL'] ?? '';
const pool = createPool({ url, schema: 'tds', max: 12 });
const database = databaseAccess(pool);
const connectors = new Map([...project.connections.values()].map(({ id, loaded, settings }) => [id, createConnector(loaded, { ...inertContext(id, settings), database } as never)]));
const entities = buildEntities(project.config, connectors);
const hearing = hearingsOf(project.config, entities, connectors).get('invoices');
if (!hearing) throw new Error('invoices take no messages');
await prepareEntity(hearing.entity, database);
let left = 0;
const done = Promise.withResolvers<void>();
const one: TaskHandler<{ id: string }> = async ({ payload: { id }, signal, fence }) => {
  const { rows } = await pool.query(`SELECT id::text AS id, received_at AS "receivedAt", received_at::text AS "receivedAtText", event, key, modified_at AS "modifiedAt", hash, body, attempts, again, code FROM webhook_inbox WHERE id = $1`, [id]);
  await applySet({
    database, clock: systemClock, log: silentLogger, stopping: () => false, withCalls: (_entity, work) => work(), wake: async () => undefined, hearing, care: undefined, note: async () => undefined,
    fence: (session) => fence({ query: (text: string, values?: unknown[]) => session.query(text, values) } as never), signal, ends: Number.POSITIVE_INFINITY,
  }, rows as Waiting[]);
  left -= 1;
  if (left === 0) done.resolve();
};
const queue = createQueue({ url, version: 'bench', concurrency: 4, tasks: { single: one as TaskHandler }, clock: systemClock, log: silentLogger, onExhausted: async () => undefined });
const { rows } = await pool.query('SELECT id::text AS id FROM webhook_inbox WHERE outcome IS NULL ORDER BY id');
left = rows.length;
await queue.enqueueMany(pool, rows.map(({ id }) => ({ task: 'single', payload: { id } })));
const begin = performance.now();
await queue.start();
await done.promise;
process.send?.({ seconds: (performance.now() - begin) / 1000 });
await queue.stop({ drainMs: 1000 });
await pool.end();
process.exit(0);
