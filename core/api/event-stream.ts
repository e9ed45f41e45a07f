import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

export interface EventSource<T> {
  /** The fact as it is now. */
  read: () => Promise<T>;
  /** Nothing more will come. */
  isOver: (value: T) => boolean;
  /** Of the events; the last one is called `end`. */
  name: string;
  signal: AbortSignal;
  stillMay: () => Promise<boolean>;
}

/** How often is looked, and after how long without news the connection is kept alive by a comment; ms. */
const everyMs = 500;
const aliveMs = 15_000;

/**
 * Server-Sent Events about one fact: at once as it is, then at each change, until it is over. It is read from the database, since
 * the work may be done by another node. Ends within a second when the caller may read no more.
 */
export function eventStream<T>(source: EventSource<T>): Readable {
  return Readable.from(events(source), { objectMode: false });
}

async function* events<T>({ read, isOver, name, signal, stillMay }: EventSource<T>): AsyncGenerator<string> {
  let last = '';
  let quiet = 0;
  for (;;) {
    if (signal.aborted || !await stillMay().catch(() => false)) return;
    const value = await read().catch(() => undefined); // told next time, or the caller asks again by itself
    const text = value === undefined ? last : JSON.stringify(value);
    const over = value !== undefined && isOver(value);
    if (text !== last || over) yield `event: ${over ? 'end' : name}\ndata: ${text}\n\n`;
    else if (quiet >= aliveMs) yield ': alive\n\n';
    quiet = text === last && quiet < aliveMs ? quiet + everyMs : 0;
    last = text;
    if (over || !await pause(everyMs, true, { signal }).catch(() => false)) return;
  }
}
