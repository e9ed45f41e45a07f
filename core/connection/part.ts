/** Between a limiter and what divides an account's limits between nodes. */
/** What a process may use of its account's limits until it is told anew. */
export interface Part {
  /** Calls that may yet leave. */
  places: number;
  /** Calls at once. */
  slots: number;
  /** When it ends, by the clock, in ms. */
  until: number;
}

/** What a process has and needs, for those who divide the limits. */
export interface Needs {
  /** `[time in ms, calls]` of the last minute. */
  spent: [number, number][];
  /** Calls under way that are not among the spent. */
  open: number;
  /** Calls under way. */
  busy: number;
  /** Calls that may yet leave, and calls at once, as it has them now. */
  places: number;
  slots: number;
  /** Calls that wait: urgent ones, and patient ones, which leave a part of the minute to others. */
  urgent: number;
  patient: number;
  /** The priority of the most urgent one that waits; 9 when none does. */
  priority: number;
  /** Calls at once that the other side takes. */
  concurrent: number;
  pausedUntil: number;
}

/** Between a limiter and what divides the limits between nodes. */
export interface Divider {
  /** So many calls wait that could leave if there were more places or slots. */
  short(waiting: number): void;
  /** Calls of other processes within the last minute. */
  others(): number;
  /** Why no part can be had; undefined as long as it can. */
  trouble(): string | undefined;
}
