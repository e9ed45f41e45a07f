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

/** When the day of this moment began in the zone, to the second. */
export function dayStartIn(zone: string, moment: Date): Date {
  const today = dayIn(zone, moment);
  let [low, high] = [moment.getTime() - 26 * 3_600_000, moment.getTime()];
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2);
    if (dayIn(zone, new Date(middle)) === today) high = middle;
    else low = middle;
  }
  return new Date(Math.floor(high / 1000) * 1000);
}

/** The zone, as an offset (`+03:00`), whose day ends at this moment: for a service that tells the end of its day and not its zone. */
export function zoneOfMidnight(midnight: Date): string {
  // Zones lie on quarters of an hour; the moment may be some seconds off.
  const east = (1440 - (Math.round(midnight.getTime() / 900_000) * 15) % 1440) % 1440;
  const minutes = east > 14 * 60 ? east - 1440 : east;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
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
