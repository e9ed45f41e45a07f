/** The rows of healing: acts, and when each rule looks. Times come from the caller, so that one clock decides. */
import type { JsonObject, SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { Reading } from './session.ts';

/** `started`: its end is still to come. `told`: healing does no more about it; a person should look. */
export type ActOutcome = 'started' | 'healed' | 'failed' | 'told';

export interface HealingAct {
  id: string; rule: string; fingerprint: string; seen: string; done: string; outcome: ActOutcome; came: string | null; facts: JsonObject; trigger: string; node: string;
  at: Date; endedAt: Date | null; resetAt: Date | null;
}

export interface ActFilter extends Page { rule?: string; outcome?: ActOutcome }

/** When a rule looked, and what it has done so far. `node` is '' for a rule that one node follows for all. */
export interface RuleRow { rule: string; node: string; nextAt: Date; lookedAt: Date; lookedBy: string; found: number | null; acts: number; told: number; error: string | null }

const actColumns = `id::text AS id, rule, fingerprint, seen, done, outcome, came, facts, trigger, node, at, ended_at AS "endedAt", reset_at AS "resetAt"`;

/** Acts, the newest first unless it is asked otherwise. */
export async function listActs(session: Reading, filter: ActFilter): Promise<HealingAct[]> {
  const page = pageOfList('healing_acts.id', filter, 3);
  const result = await session.query(`SELECT ${actColumns} FROM healing_acts WHERE ($1::text IS NULL OR rule = $1) AND ($2::text IS NULL OR outcome = $2) ${page.text}`, [filter.rule ?? null, filter.outcome ?? null, ...page.values]);
  return result.rows as unknown as HealingAct[];
}

/** How each rule stands. */
export async function listRules(session: Reading): Promise<RuleRow[]> {
  const result = await session.query(
    `SELECT rule, node, next_at AS "nextAt", looked_at AS "lookedAt", looked_by AS "lookedBy", found, acts::float8 AS acts, told::float8 AS told, error FROM healing_rules ORDER BY rule, node`);
  return result.rows as unknown as RuleRow[];
}

/** Takes the turn of a rule; false when it is not due yet, as another node had it. `force` takes it in any case. */
export async function claimRule(session: SqlSession, turn: { rule: string; node: string; by: string; now: Date; nextAt: Date; force: boolean }): Promise<boolean> {
  const result = await session.query(
    `INSERT INTO healing_rules AS r (rule, node, next_at, looked_at, looked_by) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (rule, node) DO UPDATE SET next_at = excluded.next_at, looked_at = excluded.looked_at, looked_by = excluded.looked_by, found = NULL, error = NULL
      WHERE r.next_at <= $4 OR $6`, [turn.rule, turn.node, turn.nextAt, turn.now, turn.by, turn.force]);
  return result.rowCount > 0;
}

/** Notes what a look came to. */
export async function noteLook(session: SqlSession, look: { rule: string; node: string; found: number; acts: number; told: number; error: string | null }): Promise<void> {
  await session.query(`UPDATE healing_rules SET found = $3, acts = acts + $4, told = told + $5, error = $6 WHERE rule = $1 AND node = $2`,
    [look.rule, look.node, look.found, look.acts, look.told, look.error]);
}

/** How often something was done about each of these since then, and about which of them a person was told. */
export async function standings(session: SqlSession, rule: string, fingerprints: readonly string[], since: Date): Promise<Map<string, { acts: number; told: boolean }>> {
  const result = await session.query(
    `SELECT fingerprint, (count(*) FILTER (WHERE outcome <> 'told' AND at > $3))::int AS acts, bool_or(outcome = 'told') AS told
       FROM healing_acts WHERE rule = $1 AND fingerprint = ANY($2::text[]) AND reset_at IS NULL GROUP BY fingerprint`, [rule, fingerprints, since]);
  return new Map(result.rows.map((row) => [row['fingerprint'] as string, row as unknown as { acts: number; told: boolean }]));
}

export type NewAct = Pick<HealingAct, 'rule' | 'fingerprint' | 'seen' | 'done' | 'outcome' | 'came' | 'facts' | 'trigger' | 'node' | 'at'>;

/** Writes an act before it begins, or one that told a person. Answers its number. */
export async function beginAct(session: SqlSession, act: NewAct): Promise<string> {
  const result = await session.query(
    `INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, came, facts, trigger, node, at, ended_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $5 <> 'started' THEN $10::timestamptz END) RETURNING id::text AS id`,
    [act.rule, act.fingerprint, act.seen, act.done, act.outcome, act.came, JSON.stringify(act.facts), act.trigger, act.node, act.at]);
  return result.rows[0]?.['id'] as string;
}

/** Writes acts that are over, in one statement. */
export async function addActs(session: SqlSession, acts: readonly NewAct[]): Promise<void> {
  if (acts.length === 0) return;
  await session.query(
    `INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, came, facts, trigger, node, at, ended_at)
     SELECT rule, fingerprint, seen, done, outcome, came, facts, trigger, node, at, at
       FROM jsonb_to_recordset($1::jsonb) AS a(rule text, fingerprint text, seen text, done text, outcome text, came text, facts jsonb, trigger text, node text, at timestamptz)`, [JSON.stringify(acts)]);
}

/** Notes what came of an act. */
export async function endAct(session: SqlSession, id: string, end: { outcome: ActOutcome; done?: string; came: string | null; at: Date }): Promise<void> {
  await session.query(`UPDATE healing_acts SET outcome = $2, done = coalesce($3, done), came = $4, ended_at = CASE WHEN $2 <> 'started' THEN $5::timestamptz END WHERE id = $1`,
    [id, end.outcome, end.done ?? null, end.came, end.at]);
}

/** Ends acts whose node did not live to tell what came of them. Only under the lock of the rule: nobody else is at it. */
export async function endAbandoned(session: SqlSession, rule: string, node: string, now: Date): Promise<void> {
  await session.query(
    `UPDATE healing_acts a SET outcome = 'failed', came = 'the node ended before it was done', ended_at = $3
      WHERE rule = $1 AND outcome = 'started' AND ($2 = '' OR node = $2) AND NOT EXISTS (SELECT FROM healing_faults f WHERE f.act_id = a.id)`, [rule, node, now]);
}

/** Removes an act that turned out to have nothing to do. */
export async function forgetAct(session: SqlSession, id: string): Promise<void> {
  await session.query('DELETE FROM healing_acts WHERE id = $1', [id]);
}

/** What a person was told of, long ago, and what is gone since, may be acted on again. */
export async function resetGone(session: SqlSession, rule: string, present: readonly string[], before: Date, now: Date): Promise<void> {
  await session.query(
    `UPDATE healing_acts a SET reset_at = $4 WHERE rule = $1 AND reset_at IS NULL AND at < $3 AND fingerprint <> ALL ($2::text[])
        AND EXISTS (SELECT FROM healing_acts t WHERE t.rule = $1 AND t.fingerprint = a.fingerprint AND t.outcome = 'told' AND t.reset_at IS NULL AND t.at < $3)`,
    [rule, present, before, now]);
}

/** Lets healing act again on what an act was about, or on everything of which a person was told. Answers on how many things. */
export async function resetActs(session: SqlSession, id: string | 'all', now: Date): Promise<number> {
  const result = await session.query(
    `WITH chosen AS (SELECT DISTINCT rule, fingerprint, facts->>'fault' AS fault FROM healing_acts
                      WHERE reset_at IS NULL AND CASE WHEN $1 = 'all' THEN outcome = 'told' ELSE id::text = $1 END),
          acts AS (UPDATE healing_acts a SET reset_at = $2 FROM chosen c WHERE a.rule = c.rule AND a.fingerprint = c.fingerprint AND a.reset_at IS NULL),
          faults AS (DELETE FROM healing_faults f USING chosen c WHERE f.fingerprint = c.fault)
     SELECT count(*)::int AS things FROM chosen`, [id, now]);
  return (result.rows[0]?.['things'] as number | undefined) ?? 0;
}

/** Removes acts that are over and older than this, and the rows of nodes that have not looked for a day. Answers how many acts. */
export async function trimActs(session: SqlSession, olderThan: Date, now: Date): Promise<number> {
  await session.query(`DELETE FROM healing_rules WHERE node <> '' AND looked_at < $1::timestamptz - interval '1 day'`, [now]);
  return (await session.query('DELETE FROM healing_acts WHERE at < $1', [olderThan])).rowCount;
}
