/** Makes rows of the events that a rule listens to, off the path of whoever emits them. */
import type { Events, TdsEvent } from '../monitor/events.ts';
import type { DatabaseAccess, JsonObject, Logger } from '../sdk/index.ts';
import { addEvents, type StoredEvent } from '../store/alerts.ts';

/** What is kept while the database is away; then the oldest go. */
const most = 1000;

export class EventRecorder {
  readonly #deps: { database: DatabaseAccess; log: Logger; redact: (text: string) => string };
  readonly #off: () => void;
  #waiting: StoredEvent[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(events: Pick<Events, 'listen'>, names: ReadonlySet<string>, deps: { database: DatabaseAccess; log: Logger; redact: (text: string) => string }) {
    this.#deps = deps;
    this.#off = events.listen((event) => {
      if (!names.has(event.name)) return;
      this.#waiting.push(stored(event, deps.redact));
      if (this.#waiting.length > most) this.#waiting.shift();
      void this.flush();
    });
  }

  /** Writes what waits; called at each tick too, for what a database that was away left. Never throws. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const events = this.#waiting;
    if (events.length === 0) return;
    this.#waiting = [];
    try {
      await this.#deps.database.transaction((session) => addEvents(session, events));
    } catch (error) {
      this.#waiting = [...events, ...this.#waiting].slice(-most);
      this.#deps.log.debug('events could not be written; they are tried again', { error });
    }
  }

  async stop(): Promise<void> {
    this.#off();
    await this.flush();
  }
}

function stored({ name, at, detail }: TdsEvent, redact: (text: string) => string): StoredEvent {
  const facts = Object.entries(detail as Record<string, unknown>).map(([label, value]) => [label, typeof value === 'string' ? redact(value) : value instanceof Date ? value.toISOString() : value]);
  return { name, at, detail: Object.fromEntries(facts) as JsonObject };
}
