/** Times of day at which nobody wants to be told. */

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether a moment lies in `22:00-07:00` of a time zone. From and to alike: never. */
export function isQuiet(hours: string | undefined, zone: string, moment: Date): boolean {
  if (hours === undefined) return false;
  const [from = '', to = ''] = hours.split('-');
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    formatters.set(zone, formatter);
  }
  const now = formatter.format(moment);
  return from <= to ? now >= from && now < to : now >= from || now < to;
}
