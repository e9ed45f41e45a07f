import type { EntityStatus, Operations } from '../../core/operations/operations.ts';
import { OperationError } from '../../core/operations/errors.ts';
import type { AccessOperations } from '../../core/operations/access.ts';
import type { AuditOperations } from '../../core/operations/audit.ts';
import type { AuditEntry } from '../../core/store/audit.ts';
import { noCounts, type Run } from '../../core/store/runs.ts';

/** A run that has counted nothing yet. */
export function fakeRun(more: Partial<Run> = {}): Run {
  return {
    ...noCounts(), id: '1', entity: 'products', mode: 'full', partOf: null, trigger: 'test', options: {}, status: 'queued', code: null, reason: null, waitsOn: null, resumesAt: null,
    position: null, suspect: null, attempts: 0, node: null, jobId: '7', queuedAt: new Date('2026-01-05T08:00:00Z'), startedAt: null, endedAt: null, ...more,
  };
}

/** An entity that was never read. */
export function fakeEntity(id: string): EntityStatus {
  return {
    id, description: undefined, from: { connection: 'shop', stream: id }, to: { connection: 'erp', table: id }, enabled: true, records: 3, deleted: 0, deadLetters: 0,
    details: null, lastFullAt: null, lastReadAt: null, lastRun: null,
  };
}

/** No token was ever made. */
export function fakeAccess(more: Partial<AccessOperations> = {}): AccessOperations {
  return {
    createToken: () => Promise.reject(new Error('no tokens here')), adoptToken: () => Promise.reject(new Error('no tokens here')), tokens: async () => [], revokeToken: async (which) => { throw new OperationError('operation.unknown_token', `there is no token "${which}"`); },
    identify: async () => 'unknown', openSession: async () => 'unknown', identifySession: async () => 'unknown', endSession: async () => undefined, standing: async () => ({ made: 0, usable: 0 }), ...more,
  };
}

/** An audit in memory. */
export function fakeAudit(): AuditOperations & { entries: AuditEntry[] } {
  const entries: AuditEntry[] = [];
  return { entries, note: async (entry) => void entries.push(entry), list: async () => entries.map((entry, at) => ({ ...entry, id: String(at + 1), at: new Date('2026-01-05T08:00:00Z') })).toReversed() };
}

/** Operations over a list of runs. `asked` notes what was asked for. */
export function fakeOperations(more: Partial<Operations> = {}, runs: Run[] = []): Operations & { asked: unknown[] } {
  const asked: unknown[] = [];
  const find = (id: string): Run => {
    const run = runs.find((one) => one.id === id);
    if (!run) throw new OperationError('operation.unknown_run', `there is no run "${id}"`, { suggestion: 'See the list: tds runs' });
    return run;
  };
  return {
    asked,
    entities: async () => [fakeEntity('products'), fakeEntity('stock')],
    async entity(id) {
      if (id !== 'products') throw new OperationError('operation.unknown_entity', `there is no entity "${id}"`, { suggestion: 'The config has: products.' });
      return fakeEntity(id);
    },
    config: () => ({ file: 'tds.config.yaml', hash: 'x', config: { connections: {} } }),
    validateConfig: async () => [],
    diffConfig: async () => ({ same: true, changes: [], findings: [] }),
    streams: (id) => {
      if (id !== 'shop') throw new OperationError('operation.unknown_connection', `there is no connection "${id}"`);
      return [];
    },
    pauses: async () => [],
    pauseConnection: async (id, { by, reason }) => {
      asked.push({ pause: id, by, reason });
      return { connection: id, pausedAt: new Date('2026-01-05T08:00:00Z'), pausedBy: by, reason };
    },
    resumeConnection: async () => false,
    preview: async () => ({ records: [], withoutKey: 0, complete: true, withoutDetails: false }),
    connections: async () => [{ id: 'shop', plugin: 'shop', kind: 'source', remote: { waiting: 0 } }],
    quota: async () => [],
    connectionQuota: async (id) => { throw new OperationError('operation.unknown_connection', `there is no connection "${id}"`); },
    resetBreaker: async (id) => {
      if (id !== 'shop') throw new OperationError('operation.unknown_connection', `the config has no connection "${id}"`);
      return true;
    },
    plugins: () => [{ id: 'shop', version: '1.0.0', description: '', file: 'plugins/shop.ts', connections: ['shop'] }],
    async *check() {},
    async sync(request) {
      asked.push(request);
      const ids = request.entities === 'all' ? ['products', 'stock'] : request.entities;
      return ids.map((entity, at) => {
        const run = fakeRun({ id: String(100 + at), entity, mode: request.mode, trigger: request.trigger });
        runs.push(run);
        return { run, created: true };
      });
    },
    async runs(filter) {
      asked.push(filter);
      return runs.filter((run) => (filter.before === undefined || Number(run.id) < Number(filter.before)) && (filter.mode === undefined || run.mode === filter.mode)).sort((a, b) => Number(b.id) - Number(a.id)).slice(0, filter.limit);
    },
    run: async (id) => find(id),
    async cancel(id) {
      const run = find(id);
      if (run.endedAt) throw new OperationError('operation.run_ended', `run ${id} has ended already: ${run.status}`);
      return Object.assign(run, { status: 'cancelled', endedAt: new Date() });
    },
    async deadLetters(filter) {
      asked.push(filter);
      return [];
    },
    deadLetter: async (id) => { throw new OperationError('operation.unknown_letter', `there is no dead letter "${id}"`); },
    deadLetterGroups: async () => [],
    async retryDeadLetters(choice) {
      asked.push(choice);
      return { letters: 0, runs: [], jobs: [], skipped: [] };
    },
    async tryDeadLetters(choice) {
      asked.push(choice);
      return { entities: [], tried: 0, pass: 0, jobs: 0, skipped: [] };
    },
    async discardDeadLetters(choice) {
      asked.push(choice);
      return 0;
    },
    reopenDeadLetter: async (id) => { throw new OperationError('operation.unknown_letter', `there is no dead letter "${id}"`); },
    async record(entity, key) {
      asked.push({ entity, key });
      throw new OperationError('operation.unknown_record', `${entity} has no record "${key}"`);
    },
    healing: { enabled: true, acts: async () => [], rules: async () => [], run: async () => [], reset: async () => 0 },
    schedules: {
      list: async () => [], one: async (id) => { throw new OperationError('operation.unknown_schedule', `there is no schedule "${id}"`); }, next: () => [], ticks: async () => [],
      pause: async (id) => { throw new OperationError('operation.unknown_schedule', `there is no schedule "${id}"`); }, resume: async (id) => { throw new OperationError('operation.unknown_schedule', `there is no schedule "${id}"`); },
      run: async (id) => { throw new OperationError('operation.schedule_busy', `the schedule "${id}" is at work`); }, backfill: async (schedule, { dryRun }) => ({ schedule, dryRun, times: [], done: 0, left: 0 }),
      reports: async () => [], report: async () => { throw new OperationError('operation.unknown_report', 'there is no report yet'); },
    },
    reload: async () => ({ applied: true, findings: [], schedules: { added: [], removed: [], changed: [] }, entities: { added: [], removed: [], changed: [] }, needsRestart: [] }),
    reloadNodes: async () => { throw new OperationError('operation.no_node', 'no TDS is running'); },
    webhooks: {
      enter: () => { throw new OperationError('webhook.unknown', 'There is nobody here who takes such messages.'); },
      accept: async () => undefined, list: async () => [], unreadable: async () => [], lost: async () => [], stats: async () => [], replay: async () => 0, urls: () => [], register: async () => ({ connections: [], byHand: [] }), pollingFactor: async () => 1,
      show: async (id) => { throw new OperationError('operation.unknown_message', `there is no message "${id}"`); },
      planReplay: async () => ({ messages: 0, counts: {}, differences: [], cut: false }),
      compose: async () => ({ path: '/webhooks/shop/products/changed', headers: {}, body: '{}' }),
    },
    access: fakeAccess(),
    audit: fakeAudit(),
    answers: { take: async () => undefined, keep: async () => undefined, free: async () => undefined },
    nodes: async () => [],
    jobs: {
      list: async () => [], stats: async () => [], show: async (id) => { throw new OperationError('operation.unknown_job', `there is no job "${id}"`); },
      retry: async (id) => { throw new OperationError('operation.unknown_job', `there is no job "${id}"`); }, cancel: async (id) => { throw new OperationError('operation.unknown_job', `there is no job "${id}"`); },
    },
    attempts: async () => [],
    cache: {
      list: async () => [], async clear(connection) {
        if (connection !== undefined && connection !== 'shop') throw new OperationError('operation.unknown_connection', `there is no connection "${connection}"`);
        asked.push({ clear: connection });
        return ['shop'];
      },
    },
    alerts: {
      enabled: true, list: async () => [], rules: () => [], acknowledge: async () => 1, silences: async () => [], endSilence: async () => {}, test: async () => [],
      silence: async ({ rule = null, labels, reason, by, lasts }) => ({ id: '1', rule, labels, reason, by, at: new Date(0), until: new Date(lasts) }),
    },
    healthReport: async () => ({ state: 'warning', at: new Date(0), items: [{ area: 'database', state: 'ok', text: 'answers', todo: null }, { area: 'entities', state: 'warning', text: 'never read: products', todo: 'tds sync' }] }),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: '# HELP tds_info Always 1.\n' }),
    health: async () => ({ ready: true, reasons: [], node: 'n', version: '1', database: 'up', queue: 'running' }),
    ...more,
  };
}
