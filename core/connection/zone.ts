/** Days in a time zone. */

/** The day (`2026-06-09`) of a moment in an IANA zone. @throws RangeError: no such zone */
export function dayIn(zone: string, moment: Date): string {
  return formatterOf(zone).format(moment).slice(0, 10);
}

/** When the day after this moment's begins in the zone. Right also where the clocks change, and where they do so at midnight. */
export function nextDayIn(zone: string, moment: Date): Date {
  const today = dayIn(zone, moment);
  // Days have 23 to 25 hours; the first moment of another date is found by halving, to the second.
  let [low, high] = [moment.getTime(), moment.getTime() + 26 * 3_600_000];
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2);
    if (dayIn(zone, new Date(middle)) === today) low = middle;
    else high = middle;
  }
  return new Date(Math.floor(high / 1000) * 1000);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
    formatters.set(zone, formatter);
  }
  return formatter;
}
