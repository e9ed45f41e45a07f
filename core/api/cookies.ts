import { createHash } from 'node:crypto';

const name = 'tds_session';

/** The session that a Cookie header carries. */
export function sessionIn(header: string): string | undefined {
  for (const part of header.split(';', 50)) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** The header that gives a page its session: no script reads it, no other site sends it, and where TLS was spoken it never goes without. Null ends it. */
export function sessionCookie(session: string | null, { seconds, secure }: { seconds: number; secure: boolean }): string {
  return `${name}=${session ?? ''}; Path=/; HttpOnly; SameSite=Strict;${secure ? ' Secure;' : ''} Max-Age=${session === null ? 0 : seconds}`;
}

/** What a page must send along with each act: known to who could read an answer of ours, and to nobody else. */
export function csrfOf(session: string): string {
  return createHash('sha256').update(`csrf:${session}`).digest('base64url');
}
