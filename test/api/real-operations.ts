/** The operations themselves over a real database and a source in memory; of the queue, which has its own tests, only its face. */
import type { Config } from '../../core/config/index.ts';
import type { QuotaReport } from '../../core/connection/index.ts';
import { createOperations } from '../../core/operations/create-operations.ts';
import { OperationError } from '../../core/operations/errors.ts';
import type { Operations } from '../../core/operations/operations.ts';
import type { WebhookOperations } from '../../core/operations/webhooks.ts';
import type { Queue } from '../../core/queue/index.ts';
import { cancelJob } from '../../core/queue/inspect.ts';
import { hurryJob, listJobs, readJob, type JobFilter } from '../../core/queue/jobs.ts';
import { namesOf } from '../../core/queue/names.ts';
import type { Pool } from '../../core/store/pool.ts';
import { listLost } from '../../core/store/webhook-gaps.ts';
import { saveAlert } from '../../core/store/alerts.ts';
import { watch } from '../alerts/support.ts';
import { definitionsOf } from '../../core/schedule/definition.ts';
import { scheduleOperations } from '../../core/schedule/operations.ts';
import { saveReport } from '../../core/store/reports.ts';
import { enrollSchedules } from '../../core/store/schedules.ts';
import { schedule } from '../schedule/support.ts';
import { bench, type Bench } from '../dead-letters/support.ts';
import type { TestScope } from '../support/database.ts';
import { fakeOperations } from './fake-operations.ts';

export interface RealOperations { operations: Operations; bench: Bench; closed: string[] }

/** `fresh` no node has taken up. */
const schedules = { upkeep: schedule({ cron: '0 * * * *', run: 'maintain' }), fresh: schedule({ every: 3_600_000 }), resting: schedule({ cron: '0 2 * * *', enabled: false }) };

const act = {
  id: '7', rule: 'stuck-jobs', fingerprint: 'f', seen: 'a job', done: 'freed it', outcome: 'healed' as const, came: null, facts: { job: '1' }, trigger: 'tick', node: 'n',
  at: new Date(), endedAt: new Date(), resetAt: null,
};
const look = { node: '', nextAt: new Date(), lookedAt: new Date(), lookedBy: 'n', found: 0, acts: 1, told: 0, error: null };
const quota: QuotaReport = {
  connection: 'source', day: '2026-01-05', zone: 'UTC', limit: 1000, used: 10, elsewhere: 0, left: 990, reserve: 50, leftForBulk: 940, spent: [{ entity: 'things', purpose: 'full', calls: 10 }],
  perHour: 5, runsOutAt: null, bulkPausesAt: new Date(), bulkPaused: false, resumesAt: null, turnsAt: new Date(),
};
const alert = {
  rule: 'run-failed', fingerprint: 'f', labels: { entity: 'things' }, severity: 'warning' as const, state: 'firing' as const, value: 1, summary: 'the last run of things failed', help: 'tds runs',
  since: new Date(), seenAt: new Date(), firedAt: new Date(), acknowledgedAt: null, acknowledgedBy: null, resolvedAt: null, notifiedAt: null,
};
const node = { nodeId: 'n', host: 'h', pid: 1, version: '1', concurrency: 4, roles: null, since: new Date(), beatAt: new Date(), secondsSinceBeat: 0.2, inFlight: ['1'], pools: ['p'] };

const unknown = (entity: string) => new OperationError('webhook.unknown', `the entity "${entity}" takes no messages`);
const rule = (base: string) => ({ entity: 'things', stream: 'things', event: 'changed' as const, url: `${base}/webhooks/source/things/changed` });
/** What services are told, and a message of one's own. */
const setUp: Pick<WebhookOperations, 'urls' | 'register' | 'compose' | 'enter'> = {
  urls: (base) => [{ rule: rule(base), connection: 'source', steps: ['Make a rule.'], canRegister: true }],
  async register(base, entities) {
    for (const entity of entities) if (entity !== 'things') throw unknown(entity);
    return { connections: [{ connection: 'source', rules: [{ ...rule(base), id: 'r1', created: true }] }], byHand: [{ rule: rule(base), connection: 'source', steps: ['Make a rule.'] }] };
  },
  async compose({ entity }) {
    if (entity !== 'things') throw unknown(entity);
    return { path: '/webhooks/source/things/changed', headers: { 'X-Signature': 's' }, body: '{}' };
  },
  enter: () => ({ maxBody: 100, took: () => undefined, onCut: () => undefined, refused: () => undefined, leave: () => undefined }),
};

export async function realOperations(scope: TestScope): Promise<RealOperations> {
  const b = await bench(scope);
  const { corridor, source } = b;
  const { entity, database } = corridor;
  const { alerting, events, metrics } = watch(scope, corridor.pool);
  await database.transaction((session) => saveAlert(session, alert));
  const closed: string[] = [];
  const config = {
    entities: { things: { ...entity.config, description: 'Things.' }, off: { ...entity.config, enabled: false } },
    timezone: 'Asia/Baghdad', schedules,
    connections: { source: { plugin: 'memory', with: { user: 'ann', password: 'canary-password', key: 'canary-by-path' } }, erp: { plugin: 'postgres', with: {} } }, database: { url: 'postgres://u:canary-in-url@h/d' },
    alerts: { enabled: true }, notifiers: { mail: {}, chat: {} },
  } as unknown as Config;
  // The file says another key, another pause, and one schedule more.
  const changed = { ...config, schedules: { ...schedules, more: schedules.upkeep }, connections: { ...config.connections, source: { ...config.connections['source'], with: { user: 'bob', password: 'canary-password', key: 'canary-new-by-path' } } } } as Config;
  const now = new Date();
  await database.transaction(async (session) => {
    await enrollSchedules(session, [...definitionsOf(config).values()].filter(({ id }) => id !== 'fresh').map(({ id, hash, timing }) => ({ id, definition: hash, timing })), now);
    await saveReport(session, { schedule: 'upkeep', from: now, to: now, madeAt: now, summary: {}, text: 'TDS report', html: '<p>TDS report</p>' });
  });
  const state = 'running' as string;
  const reads = database.reads as Pick<Pool, 'query'>;
  const queue = {
    nodeId: 'n', nodes: async () => [node], cancel: (id: string) => cancelJob(corridor.pool, namesOf(), id), jobs: (filter: JobFilter) => listJobs(reads, namesOf(), filter), job: (id: string) => readJob(reads, namesOf(), id), hurry: (id: string) => hurryJob(corridor.pool, namesOf(), id), health: () => ({ state }),
    stats: async () => [{ task: 'run', waiting: 1, later: 0, running: 1, exhausted: 0, oldestSeconds: 0.5 }],
  } as unknown as Queue;
  const streams = { source: { streams: () => [source.stream] }, check: async () => [{ probe: 'memory', ok: true, message: 'all is well' }] };
  const message = { id: '1', receivedAt: new Date(), connection: 'source', entity: 'things', event: 'changed' as const, key: '1', modifiedAt: null, outcome: 'applied' as const, duplicate: false, code: null, how: 'payload' as const, appliedAt: new Date(), attempts: 0, notBefore: null, size: 2 };
  const operations = createOperations({ overdue: () => -1,
    webhooks: { ...fakeOperations().webhooks, ...setUp, list: async () => [message], lost: (filter) => listLost(database.reads, filter), show: async (id) => (id === '1' ? { ...message, hash: 'h', headers: {}, body: '{}' } : fakeOperations().webhooks.show(id)) },
   
    config, version: '1', file: 'tds.config.yaml', database, queue, enqueue: b.enqueue, entities: new Map([['things', entity]]),
    plugins: [{ id: 'memory', version: '1', description: '', file: 'memory.ts', connections: ['source'] }, { id: 'bad', version: '', description: '', file: 'bad.ts', connections: [], failure: { code: 'host.threw', reason: 'it threw' } }],
    connections: new Map([['source', { id: 'source', plugin: 'memory', connector: streams as never, remote: async () => ({ waiting: 0 }), quota: async () => quota, resetBreaker: async () => closed.push('source') > 0, clearCache: async () => void closed.push('cache') }], ['erp', { id: 'erp', plugin: 'postgres', connector: { ...streams, source: undefined, destination: entity.destination } as never, remote: async () => ({}), quota: async () => undefined, resetBreaker: async () => false }]]),
    redact: (text) => text.replaceAll('canary-in-url', '[secret]'), redactValue: (value) => value, isSecret: (path) => path.join('.') === 'connections.source.with.key',
    read: async () => ({ config: changed, isSecret: () => false, findings: [{ code: 'config.type', severity: 'error', file: 'tds.config.yaml', line: 3, column: 1, path: 'entities', message: 'is wrong', suggestion: 'mend it' }] }),
    forPerson: (_entity, work) => work(), events, metrics: metrics.registry, alerts: alerting.operations,
    schedules: scheduleOperations({ database, enqueue: (session, jobs) => Promise.all(jobs.map((job) => b.enqueue(session, job))), nodeId: () => 'n', isAtWork: (id) => id === 'things', config: () => config, now: () => new Date() }),
    reload: async () => ({ applied: true, findings: [], schedules: { added: ['upkeep'], removed: [], changed: [] }, entities: { added: [], removed: [], changed: [] }, needsRestart: ['api'] }),
    reloadNodes: () => Promise.reject(new OperationError('operation.no_node', 'no TDS is running')),
    healing: {
      enabled: true, acts: async () => [act], rules: async () => [{ id: 'stuck-jobs', about: 'mends', every: 1000, cap: 3, scope: 'all', looks: [look] }],
      run: async ({ rule }) => (rule === 'nope' ? Promise.reject(new OperationError('operation.unknown_rule', 'no such rule')) : [{ rule: 'stuck-jobs', busy: false, found: [{ fingerprint: 'f', seen: 's', done: 'd', outcome: 'would', came: null }] }]), reset: async (which) => (which === '99' ? Promise.reject(new OperationError('operation.unknown_act', 'no such act')) : 1),
    },
  });
  return { operations, bench: b, closed };
}
