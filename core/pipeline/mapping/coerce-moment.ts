import { commonInstant, isRealDay, type CellValue } from '../../sdk/index.ts';
import { Refusal } from './refusal.ts';

const notADate = new Refusal('map.not_a_date', 'is no date (yyyy-mm-dd)');
const noSuchDay = new Refusal('map.not_a_date', 'is a day that does not exist');
const notATime = new Refusal('map.not_a_time', 'is no time of day (hh:mm:ss)');
const notATimestamp = new Refusal('map.not_a_timestamp', 'is no date and time');
const noSuchMoment = new Refusal('map.not_a_timestamp', 'is a time or a day that does not exist');
const noOffset = new Refusal('map.no_offset', 'names no time zone');

const day = /^(\d{4})-(\d\d)-(\d\d)/u;
const clock = /^(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,12})?)?/u;
const offset = /^ ?(?:[Zz]|[+-](\d\d):?(\d\d)?)$/u;
const longest = 64;

interface Moment { fault?: Refusal; clock: boolean; offset: boolean; /** Characters before the offset. */ local: number }

const badForm: Moment = { fault: notATimestamp, clock: false, offset: false, local: 0 };
const badMoment: Moment = { ...badForm, fault: noSuchMoment };

/** `date`: a real day. Of a timestamp the day as written, which is the day in the timestamp's own zone. */
export function coerceDate(value: unknown): CellValue | Refusal {
  const text = momentText(value);
  if (text === undefined) return notADate;
  const moment = readMoment(text);
  if (moment.fault !== undefined) return moment.fault === noSuchMoment ? noSuchDay : notADate;
  return text.slice(0, 10);
}

/** `time`: a time of day without a zone. */
export function coerceTime(value: unknown): CellValue | Refusal {
  const text = momentText(value);
  const found = text === undefined ? null : clock.exec(text);
  return text === undefined || found === null || found[0].length !== text.length || !realClock(found) ? notATime : text;
}

/** `timestamp`: the wall clock as written; a zone that stands behind it is left out, as PostgreSQL does. */
export function coerceTimestamp(value: unknown): CellValue | Refusal {
  const text = momentText(value);
  if (text === undefined) return notATimestamp;
  const moment = readMoment(text);
  return moment.fault ?? text.slice(0, moment.local);
}

/** `timestamptz`: refused without a zone, because a guessed one would be wrong without anybody seeing it. */
export function coerceTimestamptz(value: unknown): CellValue | Refusal {
  if (typeof value === 'string' && commonInstant(value) !== undefined) return value;
  const text = momentText(value);
  if (text === undefined) return notATimestamp;
  const moment = readMoment(text);
  if (moment.fault !== undefined) return moment.fault;
  return moment.offset ? text : noOffset;
}

function momentText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= longest ? value.trim() : undefined;
}

function readMoment(text: string): Moment {
  const date = day.exec(text);
  if (date === null) return badForm;
  if (!isRealDay(Number(date[1]), Number(date[2]), Number(date[3]))) return badMoment;
  if (text.length === 10) return { clock: false, offset: false, local: 10 };
  const between = text.charCodeAt(10);
  if (between !== 84 && between !== 32) return badForm;
  const rest = text.slice(11);
  const time = clock.exec(rest);
  if (time === null) return badForm;
  if (!realClock(time)) return badMoment;
  const local = 11 + time[0].length;
  if (local === text.length) return { clock: true, offset: false, local };
  const zone = offset.exec(text.slice(local));
  if (zone === null) return badForm;
  // PostgreSQL knows offsets of less than 16 hours.
  if (Number(zone[1] ?? 0) > 15 || Number(zone[2] ?? 0) > 59) return badMoment;
  return { clock: true, offset: true, local };
}

function realClock(found: RegExpExecArray): boolean {
  const hours = Number(found[1]);
  const minutes = Number(found[2]);
  const seconds = Number(found[3] ?? 0);
  if (hours === 24) return /^24:00(?::00(?:\.0*)?)?$/u.test(found[0]);
  return hours < 24 && minutes < 60 && seconds <= 60;
}
