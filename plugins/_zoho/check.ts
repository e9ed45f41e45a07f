import { AccessDeniedError, isRecord, isTdsError, type CheckFinding, type ConnectionContext, type JsonObject } from 'tds/sdk';
import type { ZohoAnswer, ZohoApi } from './api.ts';
import type { ListResource } from './list.ts';
import type { ZohoSettings } from './settings.ts';

/** A stream in use. Its list is asked for when its turn comes, as that may throw. */
export interface Probed { name: string; list: () => ListResource }

/** Probes the token, the organization, and the permission for each stream in use, with one call of one record for each list. */
export async function checkZoho(api: ZohoApi, context: ConnectionContext<ZohoSettings>, streams: readonly Probed[], signal: AbortSignal): Promise<CheckFinding[]> {
  const token = await probe('token', async () => {
    await api.tokens.get(signal);
    return `access token granted; API server ${await api.tokens.apiServer(signal)}`;
  });
  if (!token.ok) return [token];
  const findings = [token, await probe('organization', () => findOrganization(api, context.settings, signal))];
  // Without the permission to see organizations the others are looked at all the same, so that all that is missing is told at once.
  if (findings.some(({ ok, code }) => !ok && code !== 'zoho.not_authorized')) return findings;
  const asked = new Map<string, Promise<ZohoAnswer>>();
  let quota: string | undefined;
  for (const { name, list } of streams) {
    findings.push(await probe(`permission ${name}`, async () => {
      const { path, scope, unpaged, query } = list();
      const id = `${path} ${scope}`;
      const answer = asked.get(id) ?? api.get({ path, scope, query: { ...query, ...(unpaged ? {} : { page: 1, per_page: 1 }) }, signal });
      asked.set(id, answer);
      quota = quotaIn((await answer).headers) ?? quota;
      return `can read ${name}`;
    }));
  }
  if (quota) findings.push({ probe: 'quota', ok: true, message: quota });
  return findings;
}

async function probe(name: string, work: () => Promise<string>): Promise<CheckFinding> {
  try {
    return { probe: name, ok: true, message: await work() };
  } catch (error) {
    if (!isTdsError(error)) return { probe: name, ok: false, message: error instanceof Error ? error.message : String(error), code: 'zoho.check_failed' };
    return { probe: name, ok: false, message: [error.message, error.suggestion].filter(Boolean).join(' '), code: error.code };
  }
}

async function findOrganization(api: ZohoApi, settings: ZohoSettings, signal: AbortSignal): Promise<string> {
  const { body } = await api.get({ path: 'organizations', scope: 'settings', signal });
  const all = Array.isArray(body.organizations) ? body.organizations.filter(isRecord) : [];
  const own = all.find((organization) => String(organization.organization_id) === settings.organizationId);
  if (!own) throw new AccessDeniedError('zoho.organization_refused', `This token can't reach organization ${settings.organizationId}; it reaches: ${all.map(nameOf).join(', ') || 'none'}.`, {
    suggestion: 'Set organizationId to one of them, or make the refresh token with a user of that organization and in its data centre.',
  });
  return `${nameOf(own)}, time zone ${String(own.time_zone ?? '?')}, currency ${String(own.currency_code ?? '?')}`;
}

function nameOf(organization: JsonObject): string {
  return `${String(organization.organization_id)} ${String(organization.name ?? '')}`.trim();
}

function quotaIn(headers: Record<string, string>): string | undefined {
  const remaining = headers['x-rate-limit-remaining'];
  if (remaining === undefined) return undefined;
  const limit = headers['x-rate-limit-limit'];
  return `${remaining}${limit === undefined ? '' : ` of ${limit}`} calls left today`;
}
