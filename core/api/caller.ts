/** Who asks. */
import { tokenScopes, type TokenScope } from '../operations/access.ts';

/**
 * - `open`: anybody on this machine, while there is no token.
 * - `token`, `session`: who holds one of these.
 * - `nobody`: of a route that stands apart, and of what was refused before it was known.
 */
export interface Caller {
  kind: 'open' | 'token' | 'session' | 'nobody';
  /** Of a token its name, for people; else the kind. */
  name: string;
  /** What it may; null of nobody. */
  scope: TokenScope | null;
  tokenId: string | null;
  /** Where it asks from. */
  address: string;
  /** Of a session: what each act of its page must carry in `X-CSRF-Token`. */
  csrf?: string;
}

/** Nobody in particular, at an address. */
export function nobody(address: string): Caller {
  return { kind: 'nobody', name: 'nobody', scope: null, tokenId: null, address };
}

/** Whether a caller of this scope may use a route of that one. */
export function covers(has: TokenScope | null, needed: TokenScope): boolean {
  return has !== null && tokenScopes.indexOf(has) >= tokenScopes.indexOf(needed);
}
