import { readPath, type SourceRecord } from 'tds/sdk';
import { settledTime } from './clocks.ts';
import type { ListAnswer } from './list.ts';
import type { Plan } from './plans.ts';
import type { Position, RecordFields } from './position.ts';
import { instantOf } from './times.ts';

/** Pages of nothing but changes made since the reading began; a source that changes faster is left to the next reading. */
const longestChase = 20;
/** The same where the source's clock is not known: pages during which the source's time went on no faster than ours. */
const longestPace = 250;

/** Notes what the end of a reading needs to know: the latest times, and what the source's clock was. */
export function note(plan: Plan, before: Position, answer: ListAnswer, fresh: readonly SourceRecord[], fields: RecordFields): Position {
  const position = { ...before, calls: before.calls + 1 };
  const sentAt = answer.sentAt.getTime();
  if (position.calls === 1) position.begun = sentAt;
  const elapsed = Math.max(0, sentAt - position.begun);
  if (fields.modified !== undefined) noteTimes(position, fresh, fields.modified, elapsed);
  const settled = settledTime(answer, position.latest ?? undefined) ?? null;
  if (position.calls === 1) position.settledFirst = settled;
  position.settledLast = settled;
  if (plan.sort?.column === 'last_modified_time' && plan.sort.order === 'A') noteReach(position, before, fresh, fields, elapsed);
  return position;
}

function noteTimes(position: Position, fresh: readonly SourceRecord[], path: string, elapsed: number): void {
  let latest = instantOf(position.latest) ?? -Infinity;
  let runnerUp = instantOf(position.runnerUp) ?? -Infinity;
  for (const record of fresh) {
    const stamp = readPath(record, path);
    const instant = instantOf(stamp);
    if (instant === undefined) continue;
    if (instant > latest) {
      [position.runnerUp, runnerUp] = [position.latest, latest];
      [position.latest, latest] = [stamp as string, instant];
    } else if (instant < latest && instant > runnerUp) {
      [position.runnerUp, runnerUp] = [stamp as string, instant];
    }
  }
  // When it answered, the source's clock stood at the latest time or after it; so much earlier when the reading began.
  if (latest > -Infinity) position.floor = Math.max(position.floor ?? -Infinity, latest - elapsed);
}

/** Oldest first, each second is read once and for all, unless the reading has come into the last seconds or runs after the source. */
function noteReach(position: Position, before: Position, fresh: readonly SourceRecord[], fields: RecordFields, elapsed: number): void {
  const reach = instantOf(position.latest);
  const { settledFirst, settledLast } = position;
  if (reach !== undefined && settledLast !== null && reach >= settledLast) position.bound = Math.min(position.bound ?? Infinity, settledLast);
  const first = fresh[0] && fields.modified !== undefined ? instantOf(readPath(fresh[0], fields.modified)) : undefined;
  position.chase = first !== undefined && settledFirst !== null && first > settledFirst + 60_000 ? before.chase + 1 : 0;
  const was = instantOf(before.latest);
  const pause = elapsed - before.elapsed;
  position.elapsed = elapsed;
  position.keptPace = reach !== undefined && was !== undefined && fresh.length > 0 && reach - was <= 2 * pause + 2000 ? before.keptPace + 1 : 0;
}

/** Whether the source changes as fast as it is read, so that the reading would never end. */
export function outrun(position: Position): boolean {
  return position.chase > longestChase || position.keptPace > longestPace;
}
