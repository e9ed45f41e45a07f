/** What answers look like, as JSON Schema; a test holds them against real answers. Routes name them under `answers`. */
import type { AnswerSchema } from './route.ts';
import { count, countOrNull, flag, free, listOf, membersOf, object, oneOf, orNull, text, textOrNull, time, timeOrNull } from './shape-words.ts';

const counts = Object.fromEntries(['pages', 'read', 'new', 'changed', 'unchanged', 'stale', 'deleted', 'refused', 'dropped', 'warnings', 'calls', 'bytes'].map((name) => [name, count]));

const run = object({
  id: text, entity: text, mode: oneOf('full', 'incremental', 'details', 'replay', 'retry', 'part'), partOf: textOrNull, trigger: text, options: free, status: oneOf('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'),
  code: textOrNull, reason: textOrNull, waitsOn: textOrNull, resumesAt: timeOrNull, attempts: count, node: textOrNull, queuedAt: time, startedAt: timeOrNull, endedAt: timeOrNull,
  ...counts, durationMs: countOrNull, rowsPerSecond: countOrNull,
});
const askedRun = object({ ...membersOf(run), created: flag });
const quota = object({
  connection: text, day: text, zone: text, limit: countOrNull, used: count, elsewhere: count, left: countOrNull, reserve: count, leftForBulk: countOrNull, spent: listOf(object({ entity: text, purpose: text, calls: count })),
  perHour: count, runsOutAt: timeOrNull, bulkPausesAt: timeOrNull, bulkPaused: flag, resumesAt: timeOrNull, turnsAt: time,
});
const entity = object({
  id: text, description: textOrNull, from: object({ connection: text, stream: text }), to: object({ connection: text, table: text }), enabled: flag, records: count, deleted: count, deadLetters: count,
  details: orNull(object({ due: count, done: count })), lastFullAt: timeOrNull, lastReadAt: timeOrNull, lastRun: orNull(run),
});
const pause = object({ connection: text, pausedAt: time, pausedBy: text, reason: text });
const connection = object({ id: text, plugin: text, kind: oneOf('source', 'destination', 'both'), remote: free, pause: orNull(pause) });
const cacheFigures = { hits: count, misses: count, entries: countOrNull, bytes: countOrNull };
const cache = object({ connection: text, ...cacheFigures, clearedAt: timeOrNull, nodes: listOf(object({ node: text, ...cacheFigures, at: time })) });
const stream = object(
  { name: text, description: text, key: listOf(text), incremental: oneOf('changes', 'none'), details: oneOf('none', 'single', 'bulk'), provesGone: flag },
  { modified: text, detailBatch: count, fields: listOf(object({ path: text, type: text }, { only: oneOf('list', 'detail') })) });
const finding = object({ code: text, severity: oneOf('error', 'warning'), file: text, line: count, column: count, path: text, message: text }, { suggestion: text });
const checkResult = object({ connection: text, plugin: text, probe: text, ok: flag, message: text, milliseconds: count }, { code: text, suggestion: text });
const plugin = object({ id: text, version: text, description: text, file: text, connections: listOf(text) }, { failure: object({ code: text, reason: text }) });
const fault = object({ code: text, message: text }, { field: text, path: text, value: {}, suggestion: text, causes: listOf(free), severity: text });
const fieldChange = object({ field: text }, { from: {}, to: {} });
const previewed = object({
  key: text, outcome: oneOf('new', 'changed', 'unchanged', 'stale', 'refused', 'dropped'), row: orNull(free), fields: listOf(fieldChange), problems: listOf(fault), warnings: listOf(fault),
});
const deadLetter = object({
  id: text, kind: oneOf('record', 'job'), entity: textOrNull, key: textOrNull, runId: textOrNull, via: text, code: text, message: text, field: textOrNull, problems: listOf(fault), fingerprint: text,
  status: oneOf('open', 'resolved', 'discarded'), attempts: count, firstAt: time, lastAt: time, closedAt: timeOrNull, closedBy: textOrNull, closedReason: textOrNull,
});
const deadLetterDetail = object({
  ...membersOf(deadLetter), raw: textOrNull, job: orNull(free), history: listOf(object({ at: time, runId: textOrNull, via: text, jobId: textOrNull, code: text, message: text })),
});
const deadLetterGroup = object({
  fingerprint: text, kind: oneOf('record', 'job'), entity: textOrNull, code: text, field: textOrNull, count, firstAt: time, lastAt: time, example: object({ id: text, key: textOrNull, message: text }),
});
const skipped = listOf(object({ entity: textOrNull, letters: count, reason: text }));
const retryAsked = object({ letters: count, runs: listOf(object({ ...membersOf(askedRun), letters: count })), jobs: listOf(object({ letter: text, jobId: text })), skipped });
const cut = { ...flag, description: 'More are meant than a dry run tries or lists: name fewer, or ask the command on the machine itself, which has the time.' };
const retryTried = object({ entities: listOf(free), tried: count, pass: count, jobs: count, skipped, cut });
const healingAct = object({
  id: text, rule: text, fingerprint: text, seen: text, done: text, outcome: oneOf('started', 'healed', 'failed', 'told'), came: textOrNull, facts: free, trigger: text, node: text,
  at: time, endedAt: timeOrNull, resetAt: timeOrNull,
});
const healingRule = object({
  id: text, about: text, every: count, cap: countOrNull, scope: oneOf('all', 'node'),
  looks: listOf(object({ node: text, nextAt: time, lookedAt: time, lookedBy: text, found: countOrNull, acts: count, told: count, error: textOrNull })),
});
const healReport = object({ rule: text, busy: flag, found: listOf(object({ fingerprint: text, seen: text, done: text, outcome: text, came: textOrNull })) }, { error: text });
const recordStory = object({ entity: text, key: text, state: oneOf('live', 'deleted', 'refused', 'unknown'), versions: listOf(free), row: orNull(free), problems: listOf(fault), deadLetters: listOf(deadLetter) });
const node = object({ nodeId: text, host: text, pid: count, version: text, concurrency: count, roles: orNull(listOf(text)), since: time, beatAt: time, secondsSinceBeat: { type: 'number' }, inFlight: listOf(text), pools: listOf(text) });
const taskStats = object({ task: text, waiting: count, later: count, running: count, exhausted: count, oldestSeconds: { type: 'number' } });
const jobState = oneOf('waiting', 'later', 'running', 'exhausted');
const job = object({
  id: text, task: text, state: jobState, runId: textOrNull, payload: free, queue: textOrNull, key: textOrNull, priority: { type: 'integer' }, attempts: count, maxAttempts: count, createdAt: time, runAt: time,
  lockedAt: timeOrNull, node: textOrNull, lastError: textOrNull,
});
const jobAttempt = object({
  jobId: text, task: text, queue: textOrNull, runId: textOrNull, attempt: count, outcome: oneOf('done', 'retried', 'postponed', 'handed_back', 'failed', 'lost', 'cancelled', 'superseded'),
  startedAt: timeOrNull, endedAt: time, node: textOrNull, code: textOrNull, message: textOrNull,
});
const listedAttempt = object({ id: { ...text, description: 'Names it in this list.' }, ...membersOf(jobAttempt) });
const jobDetail = object({
  ...membersOf(job), state: oneOf('waiting', 'later', 'running', 'exhausted', 'ended'), priority: { type: ['integer', 'null'] }, maxAttempts: countOrNull, createdAt: timeOrNull, runAt: timeOrNull,
  history: listOf(jobAttempt),
});
const tick = object({
  id: text, schedule: text, planned: time, times: count, trigger: oneOf('time', 'catch-up', 'shortened', 'backfill', 'person', 'api', 'healing'), work: text, entities: listOf(text),
  status: oneOf('waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'), reason: textOrNull, runs: listOf(text), node: textOrNull,
  dueAt: time, untilAt: timeOrNull, enqueuedAt: timeOrNull, startedAt: timeOrNull, endedAt: timeOrNull, slow: flag, late: countOrNull, waited: countOrNull, took: countOrNull,
});
const plannedTime = object({ at: time, local: text });
const schedule = object({
  id: text, description: textOrNull, cron: textOrNull, every: countOrNull, timezone: text, run: text, entities: listOf(text), mode: textOrNull, state: oneOf('active', 'paused', 'new', 'other', 'off', 'over'),
  paused: orNull(object({ at: time, until: timeOrNull, by: textOrNull, reason: textOrNull })), next: orNull(plannedTime), last: orNull(tick), failures: count, unavailable: textOrNull, slow: textOrNull,
});
const report = object({ id: text, schedule: textOrNull, from: time, to: time, madeAt: time, summary: free, text, html: text });
const differences = object({ added: listOf(text), removed: listOf(text), changed: listOf(text) });
const scope = oneOf('read', 'operate', 'admin');
const token = object({
  id: text, name: text, prefix: text, scope, createdAt: time, createdBy: text, expiresAt: timeOrNull, revokedAt: timeOrNull, revokedBy: textOrNull, usedAt: timeOrNull, state: oneOf('active', 'expired', 'revoked'),
});
const callerKind = oneOf('open', 'token', 'session', 'nobody');
const auditEntry = object({
  id: text, at: time, source: oneOf('api', 'cli'), actor: text, kind: oneOf('open', 'token', 'session', 'nobody', 'user'), tokenId: textOrNull, address: textOrNull, action: text, target: free,
  outcome: oneOf('done', 'refused', 'failed'), status: countOrNull, code: textOrNull,
});
const health = object({ ready: flag, reasons: listOf(text), node: text, version: text, database: oneOf('up', 'down'), queue: text });
const healthReport = object({ state: oneOf('ok', 'warning', 'bad'), at: time, items: listOf(object({ area: text, state: oneOf('ok', 'warning', 'bad'), text, todo: textOrNull })) });
const severity = oneOf('info', 'warning', 'critical');
const alert = object({
  id: text, rule: text, fingerprint: text, labels: free, severity, state: oneOf('pending', 'firing', 'acknowledged', 'resolved'), value: { type: ['number', 'null'] }, summary: text, help: text,
  since: time, seenAt: time, firedAt: timeOrNull, acknowledgedAt: timeOrNull, acknowledgedBy: textOrNull, resolvedAt: timeOrNull, notifiedAt: timeOrNull,
});
const alertRule = object({ id: text, severity, condition: text, summary: text, help: text, notifiers: listOf(text) });
const silence = object({ id: text, rule: textOrNull, labels: free, reason: text, by: text, at: time, until: time });
const notifierTest = object({ notifier: text, plugin: text, ok: flag, message: text, milliseconds: count });
const index = object({
  name: { const: 'TDS' }, version: text, access: text, you: object({ kind: callerKind, name: text, scope: oneOf('read', 'operate', 'admin') }),
  routes: listOf(object({ method: text, path: text, scope: oneOf('read', 'operate', 'admin', 'apart'), summary: text })),
});
const problem = object({ type: text, title: text, status: { type: 'integer' }, detail: text, code: text }, { suggestion: text, id: text });

const message = object({
  id: text, receivedAt: time, connection: text, entity: text, event: oneOf('changed', 'deleted'), key: textOrNull, modifiedAt: timeOrNull, outcome: textOrNull, duplicate: flag, code: textOrNull, how: textOrNull,
  appliedAt: timeOrNull, attempts: count, notBefore: timeOrNull, size: count,
});
const messageDetail = object({ ...membersOf(message), hash: text, headers: free, body: text });
const unreadableMessage = object({ id: text, receivedAt: time, connection: text, entity: text, event: text, size: count, body: { ...text, description: 'Its first 16 kB.' } });
const lostChange = object({ id: text, entity: text, key: text, modifiedAt: time, foundAt: time, runId: textOrNull });
const webhookStats = object({
  entity: text, connection: text, apply: text, counts: free, waiting: count, oldestSeconds: countOrNull, firstAt: timeOrNull, lastAt: timeOrNull, latency: orNull(object({ p50: count, p99: count })),
  lossRate: orNull({ type: 'number' }), pollingFactor: { type: 'number' },
});
const replayPlan = object({ messages: count, counts: free, differences: listOf(free), cut });
const replayed = object({ messages: count });
const rule = object({ connection: text, entity: text, stream: text, event: text, url: text, steps: listOf(text) });
const webhookUrl = object({ ...membersOf(rule), canRegister: flag });
const registration = object({ connections: listOf(object({ connection: text, rules: listOf(object({ entity: text, stream: text, event: text, url: text, id: text, created: flag })) })), byHand: listOf(rule) });
const sentMessage = object({ path: text, bytes: count });

export const shapes = {
  message, messageDetail, unreadableMessage, lostChange, webhookStats, replayPlan, replayed, webhookUrl, registration, sentMessage,
  run, askedRun, entity, connection, plugin, deadLetter, deadLetterDetail, deadLetterGroup, retryAsked, retryTried, healingAct, healingRule, healReport, recordStory, node, taskStats, job, jobDetail, listedAttempt, token, auditEntry, health, healthReport, alert, silence, notifierTest, index,
  tick, plannedTime, schedule, report,
  /** Every answer that is no success, as `application/problem+json`. */
  problem,
  madeToken: object({ ...membersOf(token), secret: { ...text, description: 'Shown this once.' } }),
  session: object({ kind: callerKind, name: text, scope, csrf: { ...textOrNull, description: 'Of a session: each act carries it as X-CSRF-Token.' } }),
  stream, pause, quota, cache,
  cleared: object({ cleared: listOf(text) }),
  config: object({ file: text, hash: text, config: free }),
  configDiff: object({ same: flag, changes: listOf(object({ path: text }, { running: {}, file: {} })), findings: listOf(finding) }),
  findings: object({ ok: flag, findings: listOf(finding) }),
  checked: object({ ok: flag, results: listOf(checkResult) }),
  resumed: object({ resumed: { ...flag, description: 'False: it did not rest.' } }),
  breakerReset: object({ connection: text, reset: { ...flag, description: 'False: it was closed.' } }),
  preview: object({ records: listOf(previewed), withoutKey: count, complete: flag, withoutDetails: flag }),
  healingRules: object({ enabled: flag, rules: listOf(healingRule) }),
  healed: object({ dryRun: flag, rules: listOf(healReport) }),
  alertRules: object({ enabled: flag, rules: listOf(alertRule) }),
  acknowledged: object({ acknowledged: count }),
  ended: object({ ended: text }),
  discarded: object({ discarded: count }),
  reset: object({ reset: count }),
  backfill: object({ schedule: text, dryRun: flag, times: listOf(plannedTime), done: count, left: count }),
  reloaded: object({ applied: { ...flag, description: 'False: the files have errors, and nothing was changed.' }, findings: listOf(finding), schedules: differences, entities: differences, needsRestart: listOf(text) }),
  alive: object({ status: { const: 'alive' } }),
  /** An object with one list in it. */
  list: (name: string, items: AnswerSchema): AnswerSchema => object({ [name]: listOf(items) }),
  /** The same with `next`, which is null on the last page. */
  page: (name: string, items: AnswerSchema): AnswerSchema => object({ [name]: listOf(items), next: textOrNull }),
};
