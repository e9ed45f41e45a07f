const days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const minuteMs = 60_000;

/** Whether the calendar has that day. */
export function isRealDay(year: number, month: number, dayOfMonth: number): boolean {
  if (year < 1 || month < 1 || month > 12 || dayOfMonth < 1) return false;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return dayOfMonth <= (days[month - 1] as number) + (leap ? 1 : 0);
}

/**
 * The instant, in milliseconds, of a text in the form that APIs send mostly: `yyyy-mm-ddThh:mm:ss` with `Z` or an offset (`+03:00`, `+0300`;
 * less than 16 hours, as PostgreSQL has them). Undefined for any other form, and for a moment that does not exist. Told without a regular
 * expression, since it is asked of every record several times.
 */
export function commonInstant(text: string): number | undefined {
  const offset = offsetMinutes(text);
  if (offset === undefined || text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45 || text.charCodeAt(10) !== 84 || text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined;
  const century = twoDigits(text, 0);
  const inCentury = twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hours = twoDigits(text, 11);
  const minutes = twoDigits(text, 14);
  const seconds = twoDigits(text, 17);
  // Date.UTC takes years before 100 for others
  if (century < 1 || inCentury < 0 || !isRealDay(century * 100 + inCentury, month, day)) return undefined;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59) return undefined;
  return Date.UTC(century * 100 + inCentury, month - 1, day, hours, minutes, seconds) - offset * minuteMs;
}

function offsetMinutes(text: string): number | undefined {
  const sign = text.charCodeAt(19);
  if (sign === 90) return text.length === 20 ? 0 : undefined;
  if (sign !== 43 && sign !== 45) return undefined;
  const colon = text.charCodeAt(22) === 58 ? 1 : 0;
  if (text.length !== 24 + colon) return undefined;
  const hours = twoDigits(text, 20);
  const minutes = twoDigits(text, 22 + colon);
  if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59) return undefined;
  return (sign === 45 ? -1 : 1) * (hours * 60 + minutes);
}

/** The number at a place, or a negative one where no two digits stand. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}
