/** The summaries of spans of time, and what they are made of. */
import type { JsonObject, SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { Reading } from './session.ts';

export interface ReportRow { id: string; schedule: string | null; from: Date; to: Date; madeAt: Date; summary: JsonObject; text: string; html: string }

const columns = `id::text AS id, schedule, from_at AS "from", to_at AS "to", made_at AS "madeAt", summary, text, html`;

/** Keeps a report; the same span of the same schedule once, the later one. Answers its number, and whether it is the first of its span. */
export async function saveReport(session: SqlSession, report: Omit<ReportRow, 'id'>): Promise<{ id: string; first: boolean }> {
  const result = await session.query(
    `INSERT INTO reports (schedule, from_at, to_at, made_at, summary, text, html) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (schedule, to_at) DO UPDATE SET from_at = excluded.from_at, made_at = excluded.made_at, summary = excluded.summary, text = excluded.text, html = excluded.html RETURNING id::text AS id, (xmax = 0) AS first`,
    [report.schedule, report.from, report.to, report.madeAt, JSON.stringify(report.summary), report.text, report.html]);
  return result.rows[0] as unknown as { id: string; first: boolean };
}

export interface ReportFilter extends Page { schedule?: string }

/** Reports, the newest first unless it is asked otherwise. */
export async function listReports(session: Reading, filter: ReportFilter): Promise<ReportRow[]> {
  const page = pageOfList('reports.id', filter, 2);
  const result = await session.query(`SELECT ${columns} FROM reports WHERE ($1::text IS NULL OR schedule = $1) ${page.text}`, [filter.schedule ?? null, ...page.values]);
  return result.rows as unknown as ReportRow[];
}

/** One report; the newest where none is named. */
export async function readReport(session: Reading, id?: string): Promise<ReportRow | undefined> {
  if (id !== undefined && !/^\d{1,18}$/.test(id)) return undefined;
  const result = await session.query(`SELECT ${columns} FROM reports WHERE $1::bigint IS NULL OR reports.id = $1 ORDER BY reports.id DESC LIMIT 1`, [id ?? null]);
  return result.rows[0] as unknown as ReportRow | undefined;
}

/** Where the last report of a schedule ended; undefined before the first. */
export async function lastReportEnd(session: SqlSession, schedule: string, before: Date): Promise<Date | undefined> {
  const result = await session.query('SELECT max(to_at) AS "to" FROM reports WHERE schedule = $1 AND to_at < $2', [schedule, before]);
  return (result.rows[0]?.['to'] as Date | null | undefined) ?? undefined;
}

export interface SpanOfRuns { entity: string; runs: number; failed: number; new: number; changed: number; deleted: number; refused: number; calls: number; lastReason: string | null }

/** What the runs that ended within a span did, by entity. */
export async function runsWithin(session: SqlSession, from: Date, to: Date): Promise<SpanOfRuns[]> {
  const result = await session.query(
    `SELECT entity, count(*)::int AS runs, (count(*) FILTER (WHERE status = 'failed'))::int AS failed, sum(new)::float8 AS new, sum(changed)::float8 AS changed, sum(deleted)::float8 AS deleted,
            sum(refused)::float8 AS refused, sum(calls)::float8 AS calls, (array_agg(reason ORDER BY ended_at DESC) FILTER (WHERE status = 'failed'))[1] AS "lastReason"
       FROM runs WHERE ended_at >= $1 AND ended_at < $2 AND part_of IS NULL GROUP BY entity ORDER BY entity`, [from, to]);
  return result.rows as unknown as SpanOfRuns[];
}

export interface SpanOfTicks { schedule: string; succeeded: number; failed: number; skipped: number; cancelled: number }

/** How the planned times of a span came out, by schedule. */
export async function ticksWithin(session: SqlSession, from: Date, to: Date): Promise<SpanOfTicks[]> {
  const result = await session.query(
    `SELECT schedule, coalesce(sum(times) FILTER (WHERE status = 'succeeded'), 0)::int AS succeeded, coalesce(sum(times) FILTER (WHERE status = 'failed'), 0)::int AS failed,
            coalesce(sum(times) FILTER (WHERE status = 'skipped'), 0)::int AS skipped, coalesce(sum(times) FILTER (WHERE status = 'cancelled'), 0)::int AS cancelled
       FROM ticks WHERE planned >= $1 AND planned < $2 GROUP BY schedule ORDER BY schedule`, [from, to]);
  return result.rows as unknown as SpanOfTicks[];
}

/** Dead letters that were made within a span, those that are open now, and the acts of healing of the span by their outcome. */
export async function troubleWithin(session: SqlSession, from: Date, to: Date): Promise<{ letters: number; lettersOpen: number; healed: number; told: number }> {
  const result = await session.query(
    `SELECT (SELECT count(*)::int FROM dead_letters WHERE first_at >= $1 AND first_at < $2) AS letters, (SELECT count(*)::int FROM dead_letters WHERE status = 'open') AS "lettersOpen",
            (SELECT count(*)::int FROM healing_acts WHERE at >= $1 AND at < $2 AND outcome = 'healed') AS healed, (SELECT count(*)::int FROM healing_acts WHERE at >= $1 AND at < $2 AND outcome = 'told') AS told`, [from, to]);
  return result.rows[0] as unknown as { letters: number; lettersOpen: number; healed: number; told: number };
}

/** Calls of the days that a span touches, as the ledger of each connection's quota has them, with what the service allows where it said so. */
export async function callsWithin(session: SqlSession, from: Date, to: Date): Promise<{ connection: string; day: string; calls: number; limit: number | null }[]> {
  const result = await session.query(
    `SELECT connection, day::text AS day, sum(calls)::float8 AS calls, max(day_limit)::float8 AS limit
       FROM (SELECT connection, day, calls, NULL::integer AS day_limit FROM quota_calls UNION ALL SELECT connection, day, elsewhere, day_limit FROM quota_days) d
      WHERE day >= ($1::timestamptz)::date AND day <= ($2::timestamptz)::date GROUP BY connection, day ORDER BY connection, day`, [from, to]);
  return result.rows as unknown as { connection: string; day: string; calls: number; limit: number | null }[];
}
