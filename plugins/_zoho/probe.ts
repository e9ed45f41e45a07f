import { PermanentError } from 'tds/sdk';
import { fullPage, listPage } from './list.ts';
import type { Position } from './position.ts';
import type { Readable, ScanDeps } from './scan.ts';
import { instantOf } from './times.ts';
import type { Traits } from './traits.ts';
import { timesOf } from './verify.ts';

/**
 * Finds out, once for each list that takes more than one call, whether it obeys the `last_modified_time` filter: asks for
 * what changed since the last time but one, and looks whether exactly that comes back. Costs one call; the answer is kept.
 */
export async function probeFilter(deps: ScanDeps, list: Readable, known: Traits, position: Position, signal: AbortSignal): Promise<void> {
  const { runnerUp } = position;
  if (known.modifiedFilter !== 'try' || runnerUp === null || list.fields.modified === undefined) return;
  const since = instantOf(runnerUp) as number;
  let works: boolean | undefined;
  try {
    const answer = await listPage(deps.api, list.resource, { page: 1, per_page: fullPage, last_modified_time: runnerUp }, signal);
    works = judge(timesOf(answer.records, list.fields.modified), since, answer.more);
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code !== 'zoho.refused') throw error;
    works = false;
  }
  if (works !== undefined) await deps.traits.set(list.resource.path, 'modifiedFilter', works);
}

/**
 * What a page says of the filter that it was asked with, by the times of its records; `more`: there are further pages. Undefined: nothing, either way.
 */
export function judge(times: number[] | undefined, since: number, more: boolean): boolean | undefined {
  if (times === undefined || times.length === 0) return false;
  if (times.some((time) => time < since)) return false;
  const later = times.some((time) => time > since);
  // A filter that lets through only what is equal is as wrong as none.
  if (!later) return more ? undefined : false;
  // Without the equal ones (they may have been edited this moment) nothing is certain.
  return more || times.includes(since) ? true : undefined;
}
