/** What each part of the container check uses: what is given to TDS, and how a fact is held. */
import { mark, must } from './podman.ts';

export const image = 'localhost/tds:check';
export const [nodeImage, postgresImage] = ['docker.io/library/node:24-bookworm-slim', 'docker.io/library/postgres:17-trixie'];
export const token = '0123456789abcdef'.repeat(4);
export const given = { tds_admin_token: token, tds_db_password: 'a-password-of-this-check', zoho_organization_id: '60001', zoho_client_id: 'client', zoho_client_secret: 'a-client-secret', zoho_refresh_token: 'a-refresh-token' };
export const hardened = ['--read-only', '--cap-drop=all', '--security-opt=no-new-privileges'];

/** What this machine could not try, in words; the last line tells it. */
export const notTried: string[] = [];

export function hold(what: string, truth: boolean, more = ''): void {
  if (!truth) throw new Error(`NOT ${what}${more === '' ? '' : `\n${more}`}`);
  console.log(`ok: ${what}`);
}

/** A secret of the check under the name that the config reads. */
export const secretFlags = (names: readonly (keyof typeof given)[]): string[] => names.flatMap((name) => ['--secret', `${mark}-${name},target=${name}`]);

export const addressOf = (container: string): string => `http://${must(['port', container, '8080'])}`;

export async function ask(address: string, path: string, bearer?: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${address}${path}`, { signal: AbortSignal.timeout(120_000), headers: bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` } });
  return { status: answer.status, text: await answer.text() };
}
