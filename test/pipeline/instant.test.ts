/** The instants of timestamps as APIs write them. */
import * as fc from 'fast-check';
import t from 'tap';
import { readModifiedTime } from '../../core/pipeline/time.ts';
import { commonInstant } from '../../core/sdk/index.ts';

const two = (n: number): string => String(n).padStart(2, '0');
const number = (from: number, to: number) => fc.oneof({ weight: 9, arbitrary: fc.integer({ min: from, max: to }) }, fc.integer({ min: 0, max: 99 }));
const offset = fc.oneof(fc.constant('Z'), fc.tuple(fc.constantFrom('+', '-'), number(0, 15), fc.constantFrom('', ':'), number(0, 59)).map(([sign, hours, colon, minutes]) => `${sign}${two(hours)}${colon}${two(minutes)}`));
const stamp = fc.tuple(number(100, 9999), number(1, 12), number(1, 28), number(0, 23), number(0, 59), number(0, 59), offset)
  .map(([year, month, day, hours, minutes, seconds, zone]) => `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hours)}:${two(minutes)}:${two(seconds)}${zone}`);

/** What JavaScript says, of the days that the calendar has: it takes 31 February for a day in March. */
function byDate(text: string): number | undefined {
  const instant = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  const sameDay = new Date(Date.parse(`${text.slice(0, 19)}Z`)).toISOString().slice(0, 10) === text.slice(0, 10);
  return Number.isNaN(instant) || !sameDay ? undefined : instant;
}

t.test('a common timestamp is the instant that JavaScript makes of it', (t) => {
  fc.assert(fc.property(stamp, (text) => {
    const instant = commonInstant(text);
    if (instant !== undefined && instant !== byDate(text)) t.equal(instant, byDate(text), text);
    if (instant !== undefined && readModifiedTime(text)?.getTime() !== instant) t.fail(text);
  }), { numRuns: 3000 });
  t.equal(commonInstant('2026-11-24T20:00:05+0300'), Date.UTC(2026, 10, 24, 17, 0, 5));
  t.equal(commonInstant('2024-02-29T00:00:00-04:30'), Date.UTC(2024, 1, 29, 4, 30));
  t.equal(commonInstant('1969-12-31T23:59:59Z'), -1000);
  t.end();
});

t.test('every other form, and moments that do not exist, are left to others', (t) => {
  const texts = ['', '2026-11-24', '2026-11-24T20:00:05', '2026-11-24 20:00:05Z', '2026-11-24T20:00:05.000Z', '2026-11-24T20:00Z', '2026-11-24T20:00:05+03', '2026-11-24T20:00:05+16:00', '2026-11-24T20:00:05+0360',
    '2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:60:00Z', '2026-01-01T00:00:60Z', '0099-01-01T00:00:00Z', '2026-11-24T20:00:05ZZ', ' 2026-11-24T20:00:05Z', 'yyyy-mm-ddThh:mm:ssZ'];
  for (const text of texts) t.equal(commonInstant(text), undefined, JSON.stringify(text));
  t.end();
});
