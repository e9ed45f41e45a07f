import type { AlertFact, AlertMessage } from './notifier.ts';

/** A message in words, for services that show text. */
export interface MessageText {
  /** One line: `TDS erp-1: critical – token-revoked: the sign-in of books was revoked`. */
  title: string;
  /** The alerts in short, each as what, since when, and the help; with how many more there are. */
  alerts: { summary: string; when: string; help: string }[];
  more: number;
}

const kinds: Readonly<Record<AlertMessage['kind'], string>> = { firing: '', repeat: 'still ', resolved: 'resolved, was ', test: 'test, ', report: '' };

/** Words a message. `most` alerts are told one by one, the others counted. Foreign text is put on one line, nothing else is done to it. */
export function messageText(message: AlertMessage, most = 10): MessageText {
  const { kind, rule, severity, alerts, source, at } = message;
  const [first] = alerts;
  const what = (alerts.length === 1 || kind === 'report') && first ? oneLine(first.summary) : `${alerts.length} alerts`;
  return {
    title: kind === 'report' ? `TDS ${oneLine(source)}: report – ${what}` : `TDS ${oneLine(source)}: ${kinds[kind]}${severity} – ${rule}: ${what}`,
    alerts: alerts.slice(0, most).map((alert) => ({ summary: oneLine(alert.summary), when: whenOf(alert, at), help: oneLine(alert.help) })),
    more: Math.max(0, alerts.length - most),
  };
}

/** The message as lines of plain text; a report as a whole. */
export function plainText(message: AlertMessage, most?: number): string {
  if (message.document) return message.document.text;
  const { title, alerts, more } = messageText(message, most);
  const lines = alerts.flatMap(({ summary, when, help }) => ['', summary, when, `→ ${help}`]);
  return [title, ...lines, ...(more > 0 ? ['', `and ${more} more: tds alerts list`] : [])].join('\n');
}

function whenOf({ since, resolvedAt }: AlertFact, at: Date): string {
  const began = `since ${moment(since)}`;
  if (resolvedAt) return `${began}, over at ${moment(resolvedAt)} after ${lasted(resolvedAt.getTime() - since.getTime())}`;
  return `${began} (${lasted(at.getTime() - since.getTime())})`;
}

function moment(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
function lasted(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu, ' ').trim();
}
