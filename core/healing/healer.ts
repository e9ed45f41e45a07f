/**
 * Runs the rules. Every node ticks; of each turn of a rule one node takes the row of `healing_rules` and a lock, so that there is one act
 * whatever the number of nodes. Each act is a row before it begins: an act that kills its process counts, and nothing is tried for ever.
 */
import { OperationError } from '../operations/errors.ts';
import type { HealReport } from '../operations/healing.ts';
import type { Clock, JsonObject, Logger } from '../sdk/index.ts';
import type { Database } from '../store/session.ts';
import { tryWithAdvisoryLock } from '../store/advisory-lock.ts';
import { beginAct, claimRule, endAbandoned, endAct, forgetAct, noteLook, resetGone, standings } from '../store/healing-acts.ts';
import type { Pool } from '../store/pool.ts';
import type { Found, HealingContext, HealingRule } from './rule.ts';

export interface HealerDeps {
  rules: readonly HealingRule[];
  database: Database;
  /** For the locks that keep two nodes off one rule. */
  pool: Pool;
  clock: Clock;
  log: Logger;
  nodeId: () => string;
  /** Milliseconds between two ticks. */
  every: number;
  /** Takes secrets out of what is stored. */
  redact: (text: string) => string;
  /** The time by which turns and ages are measured. Default: the database's, as the clocks of nodes differ. Tests hand in their own. */
  now?: () => Promise<Date>;
}

const dayMs = 86_400_000;
/** How long `stop` waits for the tick under way. */
const patienceMs = 2_000;
/** Two looks may be nearer than `every` by this share, so that a tick that comes a little early is not a whole tick late. */
const slack = 0.1;

export class Healer {
  readonly #deps: HealerDeps;
  readonly #stop = new AbortController();
  #ticking: Promise<unknown> | undefined;

  constructor(deps: HealerDeps) {
    this.#deps = deps;
  }

  get rules(): readonly HealingRule[] {
    return this.#deps.rules;
  }

  /** Ticks from now on, the first time at once. */
  start(): void {
    this.#ticking ??= this.#loop();
  }

  /** Resolves when the tick under way has ended, soon in any case; its calls are broken off. Idempotent, and safe before `start`. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const ended = new AbortController();
    // A database that does not answer is not waited for: an act that was cut off is known by its row.
    await Promise.race([this.#ticking, this.#deps.clock.sleep(patienceMs, ended.signal).catch(() => undefined)]);
    ended.abort();
  }

  async #loop(): Promise<void> {
    const { clock, every, log } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // A database that is away is told by others; the next tick tries again.
      await this.tick().catch((error: unknown) => void (signal.aborted || log.debug('a tick of healing failed', { error })));
      await clock.sleep(every, signal).catch(() => undefined);
    }
  }

  /** Lets each rule look whose turn it is. */
  async tick(): Promise<HealReport[]> {
    const now = await this.#now();
    const reports: HealReport[] = [];
    for (const rule of this.#deps.rules) {
      if (this.#stop.signal.aborted) break;
      const report = await this.#turn(rule, now, { force: false, trigger: 'tick' });
      if (report) reports.push(report);
    }
    return reports;
  }

  /** Lets rules look now, whether it is their turn or not. A dry run changes nothing. @throws OperationError `operation.unknown_rule` */
  async run(request: { rule?: string | undefined; dryRun: boolean; trigger: string }): Promise<HealReport[]> {
    const { rules } = this.#deps;
    const chosen = request.rule === undefined ? rules : rules.filter(({ id }) => id === request.rule);
    if (chosen.length === 0) {
      throw new OperationError('operation.unknown_rule', `there is no rule ${JSON.stringify(request.rule)}, or it is switched off`, { suggestion: `At work: ${rules.map(({ id }) => id).join(', ') || 'none'}.` });
    }
    const now = await this.#now();
    const reports: HealReport[] = [];
    for (const rule of chosen) {
      const context = this.#context(rule, now);
      const report = request.dryRun ? { rule: rule.id, busy: false, found: await this.#dry(rule, context) } : await this.#turn(rule, now, { force: true, trigger: request.trigger });
      reports.push(report ?? { rule: rule.id, busy: true, found: [] });
    }
    return reports;
  }

  async #turn(rule: HealingRule, now: Date, { force, trigger }: { force: boolean; trigger: string }): Promise<HealReport | undefined> {
    const { database, pool } = this.#deps;
    const node = rule.scope === 'node' ? this.#deps.nodeId() : '';
    const nextAt = new Date(now.getTime() + rule.every * (1 - slack));
    const claim = { rule: rule.id, node, by: this.#deps.nodeId(), now, nextAt, force };
    if (!(await database.transaction((session) => claimRule(session, claim)))) return undefined;
    const client = await pool.connect();
    try {
      const held = await tryWithAdvisoryLock(client, `healing ${rule.id} ${node}`, () => this.#look(rule, node, this.#context(rule, now), trigger));
      return held?.value;
    } finally {
      client.release();
    }
  }

  async #look(rule: HealingRule, node: string, context: HealingContext, trigger: string): Promise<HealReport> {
    const { database, log } = this.#deps;
    const report: HealReport = { rule: rule.id, busy: false, found: [] };
    let error: string | null = null;
    let count = 0;
    try {
      await database.transaction((session) => endAbandoned(session, rule.id, node, context.now));
      await rule.settle?.(context);
      const found = await rule.look(context);
      count = found.length;
      await database.transaction((session) => resetGone(session, rule.id, found.map((one) => one.fingerprint), dayBefore(context.now), context.now));
      const known = await this.#standings(rule, found, context.now);
      for (const one of found) {
        if (context.signal.aborted) break;
        const done = await this.#mend(rule, one, known.get(one.fingerprint), context, trigger);
        if (done) report.found.push(done);
      }
    } catch (reason) {
      if (!context.signal.aborted) log.warn('a rule of healing failed; it looks again at its next turn', { rule: rule.id, error: reason });
      error = this.#text(reason);
    }
    const told = report.found.filter(({ outcome }) => outcome === 'told').length;
    await database.transaction((session) => noteLook(session, { rule: rule.id, node, found: count, acts: report.found.filter(({ outcome }) => outcome !== 'silent').length, told, error }));
    return { ...report, ...(error === null ? {} : { error }) };
  }

  /** What a look would lead to. */
  async #dry(rule: HealingRule, context: HealingContext): Promise<HealReport['found']> {
    const found = await rule.look(context);
    const known = await this.#standings(rule, found, context.now);
    return found.map((one) => {
      const standing = known.get(one.fingerprint);
      const hopeless = hopelessness(rule, one, standing);
      const outcome = standing?.told === true ? 'silent' : hopeless === undefined ? 'would' : 'told';
      return { fingerprint: one.fingerprint, seen: one.seen, done: hopeless === undefined ? one.plan : `a person is told: ${hopeless}`, outcome, came: outcome === 'told' ? one.cure : null };
    });
  }

  async #mend(rule: HealingRule, found: Found, standing: Standing | undefined, context: HealingContext, trigger: string): Promise<HealReport['found'][number] | undefined> {
    const { database } = this.#deps;
    const { fingerprint, seen, plan, facts } = found;
    if (standing?.told === true) return { fingerprint, seen, done: 'nothing: a person was told', outcome: 'silent', came: null };
    const hopeless = hopelessness(rule, found, standing);
    if (hopeless !== undefined) return this.#tell(rule, found, hopeless, context, trigger);
    const id = await database.transaction((session) => beginAct(session, { rule: rule.id, fingerprint, seen, done: plan, outcome: 'started', came: null, facts, trigger, node: context.node, at: context.now }));
    const outcome = await rule.act(found, { ...context, actId: id }).catch((error: unknown) => ({ outcome: 'failed' as const, came: this.#text(error), done: plan }));
    if (!outcome) {
      await database.transaction((session) => forgetAct(session, id));
      return undefined;
    }
    const came = this.#deps.redact(outcome.came);
    await database.transaction((session) => endAct(session, id, { outcome: outcome.outcome, came, at: context.now, ...(outcome.done === undefined ? {} : { done: outcome.done }) }));
    const done = outcome.done ?? plan;
    if (outcome.outcome === 'told') this.#warn(rule, found, `${done}: ${came}`, id);
    else context.log.info('healed by itself', { seen, done, outcome: outcome.outcome, came, act: id });
    return { fingerprint, seen, done, outcome: outcome.outcome, came };
  }

  async #tell(rule: HealingRule, found: Found, hopeless: string, context: HealingContext, trigger: string): Promise<HealReport['found'][number]> {
    const last = (await rule.giveUp?.(found, context)) ?? 'a person is told';
    const done = `${last}: ${hopeless}`;
    const { fingerprint, seen, facts, cure } = found;
    const id = await this.#deps.database.transaction((session) => beginAct(session, { rule: rule.id, fingerprint, seen, done, outcome: 'told', came: cure, facts: facts as JsonObject, trigger, node: context.node, at: context.now }));
    this.#warn(rule, found, done, id);
    return { fingerprint, seen, done, outcome: 'told', came: cure };
  }

  #warn(rule: HealingRule, { seen, cure, fingerprint }: Found, done: string, id: string): void {
    this.#deps.log.warn('healing gives up: a person should look', { rule: rule.id, seen, done, fingerprint, cure, afterwards: `tds healing reset ${id}` });
  }

  async #standings(rule: HealingRule, found: readonly Found[], now: Date): Promise<Map<string, Standing>> {
    if (found.length === 0) return new Map();
    return this.#deps.database.transaction((session) => standings(session, rule.id, found.map((one) => one.fingerprint), dayBefore(now)));
  }

  #context(rule: HealingRule, now: Date): HealingContext {
    return { database: this.#deps.database, now, node: this.#deps.nodeId(), signal: this.#stop.signal, log: this.#deps.log.child({ healing: rule.id }) };
  }

  #now(): Promise<Date> {
    return this.#deps.now?.() ?? this.#deps.database.transaction(async (session) => (await session.query('SELECT clock_timestamp() AS now')).rows[0]?.['now'] as Date);
  }

  #text(error: unknown): string {
    return this.#deps.redact(error instanceof Error ? error.message : String(error));
  }
}

interface Standing { acts: number; told: boolean }

function hopelessness(rule: HealingRule, found: Found, standing: Standing | undefined): string | undefined {
  if (found.hopeless !== undefined) return found.hopeless;
  const acts = standing?.acts ?? 0;
  return acts >= rule.cap ? `it was tried ${acts} ${acts === 1 ? 'time' : 'times'} within 24 hours` : undefined;
}

function dayBefore(now: Date): Date {
  return new Date(now.getTime() - dayMs);
}
