import type { ListAnswer } from './list.ts';
import { offsetOf } from './times.ts';

const dayMs = 86_400_000;
/** How far the two ways in which the source tells its time may differ. */
const toleranceMs = 60_000;
/** A record may show up some seconds after the time that it bears. */
export const lateMs = 10_000;

/**
 * The source's own time when it answered, less the seconds by which a record may come late; undefined where it is not
 * certain. The `Date` header alone could be a proxy's: it must agree with what Zoho says of its midnight.
 */
export function settledTime(answer: ListAnswer, sample: string | undefined): number | undefined {
  const { date, toMidnight } = answer;
  if (date === undefined || toMidnight === undefined || sample === undefined) return undefined;
  const offset = offsetOf(sample);
  const offsetMs = (offset.startsWith('-') ? -1 : 1) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3, 5))) * 60_000;
  const sinceMidnight = (date + offsetMs) % dayMs;
  const apart = Math.abs(sinceMidnight - (dayMs - toMidnight * 1000)) % dayMs;
  return Math.min(apart, dayMs - apart) <= toleranceMs ? date - lateMs : undefined;
}
