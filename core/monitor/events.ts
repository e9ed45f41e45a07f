/**
 * What happens, said in one place. Whoever sees something that people or other parts may want to know of emits it here; alerts,
 * metrics, the audit and live pages listen. Within one process; what must not be lost is a row first. The data path never waits on a
 * listener: a listener that throws is told of in the log and hurts nobody.
 */
import type { Logger } from '../sdk/index.ts';

/** Each event's name and what it says. Values are plain, and never a secret. Add a name here before you emit it. */
export interface EventDetails {
  /** A run ended, however. `seconds` since its start; absent where it never started. */
  'run.finished': { run: string; entity: string; mode: string; state: string; seconds?: number; reason?: string };
  /** A node stopped beating without a word; its jobs run again elsewhere. */
  'node.lost': { node: string };
  /** The refresh token of a connection is refused for good; it does nothing until a person renews it. */
  'token.revoked': { connection: string; message: string };
  /** The breaker of a connection has changed its state. */
  'breaker.changed': { connection: string; from: string; to: string; reason?: string };
  /** A changed config is in force; `needsRestart` names what is not. */
  'config.reloaded': { schedules: { added: string[]; removed: string[]; changed: string[] }; entities: { added: string[]; removed: string[]; changed: string[] }; needsRestart: string[] };
  /** A changed config has errors; the one before stays in force. */
  'config.refused': { errors: number };
  /** A planned time of a schedule has been dealt with; `state` as in the list of ticks. */
  'schedule.ended': { schedule: string; tick: string; state: string; reason?: string; /** Planned times that it stands for, where there are several. */ times?: number };
  /** Planned times passed while no node was at work (or the database was away); `made` of them are made up. Not told of schedules with `missed: none`. */
  'schedule.missed': { schedule: string; missed: number; made: number };
  /** The work of a schedule takes most of its period, or more; times will be left out. In words. */
  'schedule.slow': { schedule: string; tick: string; slow: string };
  /** A schedule has failed so often in a row that it rests until a person resumes it. */
  'schedule.paused': { schedule: string; reason: string };
  /** Bulk work of a connection pauses until `resumesAt`, since what is left of the day is reserved. */
  'quota.paused': { connection: string; left: number; reserve: number; resumesAt: Date };
  /** Changes of an entity came without a message: so many were found lost just now; `rate` is the share of the last two hours, 0 to 1. */
  'webhook.gap': { entity: string; lost: number; rate: number };
}

export type EventName = keyof EventDetails;

/** The names at run time, for whoever checks what a config says. */
export const eventNames: Readonly<Record<EventName, true>> = {
  'run.finished': true, 'node.lost': true, 'token.revoked': true, 'breaker.changed': true, 'quota.paused': true, 'webhook.gap': true,
  'schedule.ended': true, 'schedule.missed': true, 'schedule.paused': true, 'schedule.slow': true, 'config.reloaded': true, 'config.refused': true,
};

/** An event as it happened. */
export type TdsEvent = { [Name in EventName]: { name: Name; at: Date; detail: EventDetails[Name] } }[EventName];

/** The bus of one process. */
export class Events {
  #listeners = new Set<(event: TdsEvent) => void>();
  #log: Logger;
  #now: () => Date;

  constructor(options: { log: Logger; now: () => Date }) {
    this.#log = options.log;
    this.#now = options.now;
  }

  emit<Name extends EventName>(name: Name, detail: EventDetails[Name]): void {
    const event = { name, at: this.#now(), detail } as TdsEvent;
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error('a listener to events failed', { event: name, error });
      }
    }
  }

  /** Hears every event from now on, until the returned function is called. */
  listen(listener: (event: TdsEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
