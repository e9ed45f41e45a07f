import { AccessDeniedError, isRecord, isTdsError, type CheckFinding, type ConnectionContext, type JsonObject } from 'tds/sdk';
import type { ZohoApi } from './api.ts';
import type { ZohoSettings } from './settings.ts';
import type { StreamEntry } from './stream-catalogue.ts';

/** Probes the token, the organization, and the permission for the given streams with a list call of one record each. */
export async function checkZoho(api: ZohoApi, context: ConnectionContext<ZohoSettings>, streams: readonly StreamEntry[], signal: AbortSignal): Promise<CheckFinding[]> {
  const token = await probe('token', async () => {
    await api.tokens.get(signal);
    return `access token granted; API server ${await api.tokens.apiServer(signal)}`;
  });
  if (!token.ok) return [token];
  const findings = [token, await probe('organization', () => findOrganization(api, context.settings, signal))];
  if (findings.some((finding) => !finding.ok)) return findings;
  let quota: string | undefined;
  for (const stream of streams) {
    findings.push(await probe(`permission ${stream.name}`, async () => {
      const { headers } = await api.get({ path: stream.path, query: { page: 1, per_page: 1 }, scope: stream.scope, signal });
      quota = quotaIn(headers) ?? quota;
      return `can read ${stream.name}`;
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
