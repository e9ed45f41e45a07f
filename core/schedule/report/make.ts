import type { JsonObject, SqlSession } from '../../sdk/index.ts';
import { lastReportEnd, saveReport } from '../../store/reports.ts';
import { reportHtml } from './html.ts';
import { summarize, type Summary } from './summary.ts';
import { headlineOf, reportText } from './text.ts';

const dayMs = 86_400_000;
/** After a long rest a report covers no more than this. */
const longestMs = 7 * dayMs;

export interface MadeReport { id: string; /** It was not there before: people are to be told. */ first: boolean; summary: Summary; headline: string; text: string; html: string }

/**
 * Makes the report of a schedule up to a planned time and keeps it: from where the last one ended, else from a day before. Safe to repeat.
 * `redact` takes secrets out of reasons.
 */
export async function makeReport(session: SqlSession, { schedule, to, now, timezone, redact }: { schedule: string; to: Date; now: Date; timezone: string; redact: (text: string) => string }): Promise<MadeReport> {
  const last = await lastReportEnd(session, schedule, to);
  const from = last && to.getTime() - last.getTime() <= longestMs ? last : new Date(to.getTime() - dayMs);
  const summary = await summarize(session, from, to, timezone);
  const clean = { ...summary, attention: summary.attention.map(redact), entities: summary.entities.map((one) => ({ ...one, lastReason: one.lastReason === null ? null : redact(one.lastReason) })) };
  const shown = { text: reportText(clean), html: reportHtml(clean) };
  const kept = await saveReport(session, { schedule, from, to, madeAt: now, summary: JSON.parse(JSON.stringify(clean)) as JsonObject, ...shown });
  return { ...kept, ...shown, summary: clean, headline: headlineOf(clean) };
}
