import { OperationError } from '../operations/errors.ts';
import { parseDuration } from '../../schemas/units.ts';
import { momentOf } from './zone-time.ts';

const [earliest, latest] = [Date.UTC(1970), Date.UTC(10_000)];
const form = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?$/;

/**
 * A time from 1970 to 9999 as people write it: `2026-12-24` or `2026-12-24T08:00` by the clocks of the schedule's zone, `2026-12-24T08:00:00Z`, or a length of
 * time such as `2h`, which is counted from now: `ahead` or back. @throws OperationError `operation.bad_time`
 */
export function readTime(text: string, zone: string, now: Date, direction: 'ahead' | 'back'): Date {
  const length = parseDuration(text);
  const local = form.test(text) ? Date.parse(`${text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T')}Z`) : NaN;
  const moment = length !== undefined ? now.getTime() + (direction === 'ahead' ? length : -length) : Number.isNaN(local) ? (/^\d{4}-.*(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : NaN) : momentOf(zone, local);
  if (!(moment >= earliest && moment < latest)) throw new OperationError('operation.bad_time', `${JSON.stringify(text.slice(0, 40))} is no time`, { suggestion: 'Write 2026-12-24, 2026-12-24T08:00 (in the zone of the schedule), 2026-12-24T08:00:00Z, or a length of time: 2h, 7d.' });
  return new Date(moment);
}
