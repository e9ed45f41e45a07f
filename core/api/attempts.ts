/** So many failures an address may have at once, and then one in each `restMs`. */
const burst = 10;
const restMs = 2000;
/** Addresses that are remembered; the one that failed longest ago is forgotten first. */
const mostAddresses = 5000;

/** Slows down who tries bad tokens, by address. Memory is bounded, and nothing has to be tidied up. */
export class Attempts {
  /** Of each address the time up to which its failures are paid for, in ms. */
  readonly #paid = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds until the address may try again; 0: now. */
  wait(address: string): number {
    const ahead = (this.#paid.get(network(address)) ?? 0) - this.#now();
    return Math.max(0, ahead - (burst - 1) * restMs);
  }

  /** Counts a failure, or an attempt that may become one: then `forgive` takes it back. */
  count(address: string): void {
    this.#set(network(address), Math.max(this.#paid.get(network(address)) ?? 0, this.#now()) + restMs);
  }

  /** The attempt was a good one. */
  forgive(address: string): void {
    const paid = this.#paid.get(network(address));
    if (paid !== undefined) this.#set(network(address), paid - restMs);
  }

  #set(name: string, paid: number): void {
    this.#paid.delete(name);
    if (paid > this.#now()) this.#paid.set(name, paid);
    const [oldest] = this.#paid.keys();
    if (this.#paid.size > mostAddresses && oldest !== undefined) this.#paid.delete(oldest);
  }
}

/** Who has one IPv6 address has 2^64 of them, so the network counts. */
function network(address: string): string {
  return address.includes(':') ? address.split(':', 4).join(':') : address;
}
