/** Who may ask what: tokens, and the sessions that pages open with them. */
export type TokenScope = 'read' | 'operate' | 'admin';

/** Each contains those before it. */
export const tokenScopes = ['read', 'operate', 'admin'] as const satisfies readonly TokenScope[];
