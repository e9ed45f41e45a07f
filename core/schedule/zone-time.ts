/** Wall clocks and moments: what a zone's clock shows, and when it shows a given time. Wall times are kept as if they were UTC, in ms. */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What the clocks of the zone show at a moment, as ms of a UTC that shows the same. */
export function wallOf(zone: string, moment: number): number {
  return moment + offsetAt(zone, moment);
}

/**
 * When the clocks of the zone show this wall time. Where it comes twice, the first; where it does not exist, the moment at which the clocks
 * go forward over it, which is the next time that exists.
 */
export function momentOf(zone: string, wall: number): number {
  // A wall time lies within 14 hours of its moment, so that the offsets of a day before and a day after are the only ones it can have.
  const [before, after] = [offsetAt(zone, wall - dayMs), offsetAt(zone, wall + dayMs)];
  const found = [wall - before, wall - after].filter((moment) => wallOf(zone, moment) === wall);
  if (found.length > 0) return Math.min(...found);
  return changeBetween(zone, wall - Math.max(before, after), wall - Math.min(before, after));
}

/** When the offset changes between two moments, to the second. */
function changeBetween(zone: string, from: number, until: number): number {
  let [low, high] = [Math.floor(from / 1000), Math.ceil(until / 1000)];
  const before = offsetAt(zone, low * 1000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(zone, middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** What is added to UTC at that moment, in ms; to the second, as zones of the past have it. */
function offsetAt(zone: string, moment: number): number {
  if (zone === 'UTC' || zone === 'Etc/UTC') return 0;
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', { timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
    formatters.set(zone, formatter);
  }
  const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = (formatter.format(moment).match(/\d+/g) ?? []).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(moment / 1000) * 1000;
}

/** `Wed 2026-11-25 02:00 +03:00`: a moment as people of the zone write it. */
export function localText(zone: string, moment: Date): string {
  const offset = offsetAt(zone, moment.getTime());
  const wall = new Date(moment.getTime() + offset);
  const weekday = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][wall.getUTCDay()];
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const text = wall.toISOString();
  const time = text.slice(11, wall.getUTCSeconds() === 0 ? 16 : 19);
  return `${weekday} ${text.slice(0, 10)} ${time} ${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
