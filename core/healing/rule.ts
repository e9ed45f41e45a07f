/** What a rule of healing is. Each rule is one file with one subject; `rules.ts` puts them together. */
import type { DatabaseAccess, JsonObject, Logger } from '../sdk/index.ts';

/** What a rule works with at one look. */
export interface HealingContext {
  readonly database: DatabaseAccess;
  /** The moment of this look; all ages are measured from it. */
  readonly now: Date;
  readonly node: string;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Trouble that a rule has seen. */
export interface Found {
  /** The same trouble with the same thing has the same fingerprint: acts are counted by it. */
  readonly fingerprint: string;
  /** For people: what is wrong, with the ids to find it. No secret. */
  readonly seen: string;
  /** What an act would do, for `--dry-run` and for the row until its end is known. */
  readonly plan: string;
  /** What a person can do when healing gives up: a command, or a place to look. */
  readonly cure: string;
  /** Kept with the act. `fault` names the dead letters' fingerprint, so that a reset finds it. */
  readonly facts: JsonObject;
  /** Nothing is left to try: a person is told at once, with this reason. */
  readonly hopeless?: string;
}

/** What came of an act. */
export interface Outcome {
  /** `started`: the rule tells the end later, by `settle`. `told`: only a person can mend it. */
  readonly outcome: 'started' | 'healed' | 'failed' | 'told';
  /** What came of it, in words. */
  readonly came: string;
  /** What was done, where it differs from the plan. */
  readonly done?: string;
}

/** One thing that the system mends by itself. */
export interface HealingRule {
  readonly id: string;
  /** For people, one line. */
  readonly about: string;
  /** Milliseconds between two looks. */
  readonly every: number;
  /** Acts on one fingerprint within 24 hours; after so many a person is told. */
  readonly cap: number;
  /** `all`: one node looks for all. `node`: each node looks, as it is about what lives in its memory. */
  readonly scope: 'all' | 'node';
  /** Ends acts that were started, and notes what is new. Before each look, but not before a dry one. */
  settle?(context: HealingContext): Promise<void>;
  /** Looks, and changes nothing. */
  look(context: HealingContext): Promise<Found[]>;
  /** Mends. Must bear a repeat. Undefined: there was nothing to do after all. A throw counts as `failed`. */
  act(found: Found, context: HealingContext & { readonly actId: string }): Promise<Outcome | undefined>;
  /** The last thing to do about what healing gives up. Answers what was done. */
  giveUp?(found: Found, context: HealingContext): Promise<string>;
}
