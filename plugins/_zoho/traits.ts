import { isRecord, type Clock, type StateStore } from 'tds/sdk';

/** What a list may or may not obey. Zoho ignores parameters that it does not know without a word, so it is found out by looking. */
export type Trait = 'modifiedFilter' | 'modifiedSort' | 'createdSort';

/** `yes` and `no` are documented or were seen; `try` must be found out. */
export type TraitValue = 'yes' | 'no' | 'try';

/** What is known of one list. */
export type Traits = Record<Trait, TraitValue>;

/** A parameter that was ignored is tried again after this time: it may have been one bad answer, or Zoho may have mended it. */
const retryNoAfterMs = 86_400_000;

/** What was found out about the lists of one connection, kept over restarts and shared by nodes. */
export class TraitStore {
  readonly #state: StateStore;
  readonly #clock: Clock;

  constructor(state: StateStore, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** What is known: what was seen, else what the catalogue says. */
  async get(list: string, declared: Traits): Promise<Traits> {
    const seen = await this.#state.get(nameOf(list));
    const traits = { ...declared };
    if (!isRecord(seen)) return traits;
    for (const trait of Object.keys(traits) as Trait[]) {
      const entry = seen[trait];
      if (!isRecord(entry) || typeof entry.works !== 'boolean' || typeof entry.at !== 'number') continue;
      if (entry.works) traits[trait] = 'yes';
      else if (this.#clock.now().getTime() - entry.at < retryNoAfterMs) traits[trait] = 'no';
      else traits[trait] = 'try';
    }
    return traits;
  }

  /** Keeps what was seen. */
  async set(list: string, trait: Trait, works: boolean): Promise<void> {
    const seen = await this.#state.get(nameOf(list));
    await this.#state.set(nameOf(list), { ...(isRecord(seen) ? seen : {}), [trait]: { works, at: this.#clock.now().getTime() } });
  }
}

function nameOf(list: string): string {
  return `list:${list}`;
}
