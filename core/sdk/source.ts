import type { JsonObject, JsonValue } from './json.ts';

/** A record as the source sent it, unchanged. */
export type SourceRecord = JsonObject;

/** `full` reads every record; `incremental` those that changed since the cursor. */
export type ReadMode = 'full' | 'incremental';

/** What one stream offers. */
export interface StreamInfo {
  /** The word that `from.stream` uses. */
  name: string;
  /** For people, one line. */
  description: string;
  /** Dotted paths of the fields that identify a record, all present in every list record. */
  key: readonly string[];
  /** Dotted path of the record's own modified time; undefined where the records carry none. */
  modified?: string;
  /**
   * How much an incremental read saves: `changes` reads only what changed; `none` means that every read is a full one
   * (the host then compares content by itself).
   */
  incremental: 'changes' | 'none';
  /**
   * Whether the list leaves fields out that only a call for details gives.
   * `single`: a call per record. `bulk`: one call for up to `detailBatch` records. `none`: the list is all there is.
   */
  details: 'none' | 'single' | 'bulk';
  /** Records per call for details; 1 unless `bulk`. */
  detailBatch?: number;
  /** Whether the connector can say of a key that it is gone (by `readDetails`), which proves a deletion. */
  provesGone: boolean;
  /**
   * The stream is a part of what the source has, as by a user's own filter: what a read did not see may well exist, and
   * may be much. A full read then deletes nothing and asks after nothing that it did not see; only a message, or the
   * source's own word when a record is asked for anyway, tells that one is gone. Left out: the stream is the whole.
   */
  narrowed?: boolean;
  /** Fields known to exist, for hints and validation. The wire may have more; an unknown path is a warning, not an error. */
  fields?: readonly StreamField[];
}

/** One field that a stream is known to carry. */
export interface StreamField { path: string; type: 'string' | 'number' | 'boolean' | 'date' | 'time' | 'object' | 'array'; only?: 'list' | 'detail' }

/** What the host asks of {@link Source.read}. */
export interface ReadRequest {
  stream: string;
  /** `from.with` of the entity, checked by {@link Source.describe}. */
  options: JsonObject;
  mode: ReadMode;
  /** Where an earlier attempt of this same run stopped: the `position` of the last page whose rows are saved. */
  position?: JsonValue;
  /** Where the last complete read ended: the `cursor` of its end. Absent: read from the beginning. */
  cursor?: JsonValue;
  /** Of a full read that was divided: the part to read, as {@link Source.divide} made it. Positions and the end are then those of the part. */
  part?: JsonValue;
  signal: AbortSignal;
}

/** Asks how a full read can be divided. */
export interface DivideRequest {
  stream: string;
  options: JsonObject;
  /** At most so many parts are worth while; 2 or more. */
  parts: number;
  signal: AbortSignal;
}

/** A full read in parts. */
export interface Division {
  /** Parts that can be read side by side, in any order, by any node; they need not be of one size. Small JSON. */
  parts: JsonValue[];
  /**
   * Read when all others have ended, for what they can have missed: records that moved from a part not yet read into one that had been.
   * Every record that existed during the whole read must be in one of the parts or in this one. Its end has the cursor.
   */
  last: JsonValue;
}

/** One page of records. */
export interface ReadPage {
  records: SourceRecord[];
  /**
   * True: each record is the very object that `response.json()` of the host's HTTP client gave, with nothing added, taken away or
   * changed. What is kept as raw is then the text that came over the wire, and nothing need be written out again, which is faster.
   * Left out: raw is the record as it stands here.
   */
  asReceived?: boolean;
  /** When the request for this page left: the state of the source cannot be older than that. */
  observedAt: Date;
  /** Where to go on when the rows of this page are saved. The host saves both in one transaction (promise 3). */
  position: JsonValue;
  /** Stands on the last page alone. A read whose iterator ends without it counts as broken off. */
  end?: ReadEnd;
}

/** How a read ended. */
export interface ReadEnd {
  /**
   * True only when every record that existed during the whole read was certainly delivered: then what was not seen may
   * be deleted (promise 7). False when pages may have shifted, or the read was incremental.
   */
  complete: boolean;
  /** Where the next incremental read begins. */
  cursor?: JsonValue;
}

/** Asks for the details of records, at most as many as the stream's `detailBatch`. */
export interface DetailRequest {
  stream: string;
  options: JsonObject;
  /** Keys as {@link joinKey} made them. */
  keys: readonly string[];
  /**
   * When each record was last seen to have changed, by its key. An answer from that moment or later may come from the
   * connection's cache; for a key that is not here only a new call will do.
   */
  seenAt?: ReadonlyMap<string, Date>;
  signal: AbortSignal;
}

/** The answer for one key: the whole record, or the proof that it is gone. A key without an answer is asked again later. */
export type DetailResult =
  | { key: string; record: SourceRecord; observedAt: Date }
  | { key: string; gone: true; observedAt: Date };

/** The reading side of a connector. */
export interface Source {
  /** The streams that can be named in YAML. Called at validation, without I/O. */
  streams(): readonly StreamInfo[];
  /**
   * The stream as these options make it, for a stream that the user describes in YAML alone.
   * Throws PermanentError with a message for the user when the options don't fit. Without I/O.
   */
  describe(stream: string, options: JsonObject): StreamInfo;
  /**
   * Reads pages in an order that survives a repeat from any `position`. Called in one job at a time per entity; pages
   * are asked for ahead of the writing. Throwing ends the attempt; the host goes on from the last saved position.
   */
  read(request: ReadRequest): AsyncIterable<ReadPage>;
  /**
   * Divides a full read of a large stream, so that several nodes can share it. Called once per full read, where more than one node works;
   * may cost a few calls. Undefined: it can't be divided soundly, or is not worth it. When a part fails for good the stream is read undivided.
   */
  divide?(request: DivideRequest): Promise<Division | undefined>;
  /** Details of given records. Present when any stream has details or `provesGone`. */
  readDetails?(request: DetailRequest): Promise<DetailResult[]>;
}
