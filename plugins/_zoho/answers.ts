import {
  AccessDeniedError, PermanentError, QuotaSpentError, RateLimitedError, RecordGoneError, RetryLaterError,
  StreamUnavailableError, TokenRejectedError, isRecord, type HttpResponse, type JsonObject,
} from 'tds/sdk';

/** What a call was about, for messages. */
export interface CallSubject {
  /** `Zoho Books` or `Zoho Inventory`. */
  product: string;
  /** Path below the API's root. */
  path: string;
  /** The OAuth scope that the call needs. */
  scope: string;
  organizationId: string;
}

/**
 * The body of a good answer; otherwise throws the SDK error that is true of it. It goes by the code in the body and not
 * by its wording, which varies (Zoho API docs, "Errors", "API call limit").
 */
export function readAnswer(response: HttpResponse, subject: CallSubject): JsonObject {
  const { status } = response;
  const body = parse(response, subject);
  const code = body.code === undefined ? undefined : Number(body.code);
  if (status < 300 && (code === 0 || code === undefined)) return body;
  throw errorOf(response, subject, body, code);
}

function parse(response: HttpResponse, subject: CallSubject): JsonObject {
  const { status } = response;
  let broken: unknown;
  try {
    const body = response.json();
    if (isRecord(body)) return body;
  } catch (error) {
    broken = error;
  }
  // Only now, since making a text of a whole page takes its time.
  const first = response.text.trimStart()[0];
  if (first === '{') throw broken;
  if (status === 401) throw new TokenRejectedError('zoho.token_rejected', `${subject.product} refused the access token.`);
  if (status === 429) return {};
  if (status === 404 && first !== '<') return {};
  throw new RetryLaterError('zoho.not_json', `${subject.product} answered ${status} to ${subject.path} with ${first === '<' ? 'a page' : 'a body'} that is no JSON.`);
}

function errorOf(response: HttpResponse, subject: CallSubject, body: JsonObject, code: number | undefined): Error {
  const { status, headers } = response;
  const { product, path } = subject;
  const said = typeof body.message === 'string' && body.message !== '' ? body.message : `status ${status}`;
  const details = { status, zohoCode: code ?? null, path };
  const retryAfter = retryAfterMs(headers['retry-after']);
  switch (code) {
    case 44:
      return new RateLimitedError('zoho.minute_limit', `${product}: too many calls in this minute.`, { scope: 'minute', details, ...retryAfter });
    case 45:
      return new QuotaSpentError('zoho.quota_spent', `${product}: the calls of this day are spent.`, {
        resumesAt: endOfDay(response), details, suggestion: 'TDS goes on when Zoho\'s day turns. A higher plan has more calls a day.',
      });
    case 1070:
      return new RateLimitedError('zoho.concurrent_limit', `${product}: too many calls at once.`, { scope: 'concurrent', details, ...retryAfter });
    case 57:
      return new AccessDeniedError('zoho.not_authorized', `${product} does not let this token use ${path}: ${said}.`, {
        details, suggestion: `Make a refresh token that has the scope ${subject.scope}, and check that its user may see this in Zoho.`,
      });
    case 1002:
      return new RecordGoneError('zoho.record_gone', `${product} has no such record (${path}).`, { details });
    case 1000:
      return new RetryLaterError('zoho.internal', `${product} had an error of its own on ${path}: ${said}.`, { details });
    case 6024:
      return new AccessDeniedError('zoho.organization_needed', `${product} wants to know which organization is meant${organizationsOf(body)}.`, {
        details, suggestion: 'Set organizationId to the id of one of them.',
      });
    case 6041:
      return new AccessDeniedError('zoho.organization_refused', `${product}: the token's user does not belong to organization ${subject.organizationId}.`, {
        details, suggestion: 'Check organizationId, and that the refresh token was made by a user of that organization.',
      });
    case 5:
      return new StreamUnavailableError('zoho.no_such_address', `${product} has no ${path} for this organization: ${said}.`, { details });
    default:
      return byStatus(response, subject, said, details);
  }
}

function byStatus(response: HttpResponse, subject: CallSubject, said: string, details: Record<string, unknown>): Error {
  const { status, headers } = response;
  const { product, path } = subject;
  if (status === 401) return new TokenRejectedError('zoho.token_rejected', `${product} refused the access token: ${said}.`, { details });
  if (status === 403) {
    return new AccessDeniedError('zoho.forbidden', `${product} forbids ${path}: ${said}.`, { details, suggestion: `Check the scope ${subject.scope} and the rights of the token's user.` });
  }
  if (status === 404 || status === 405) return new StreamUnavailableError('zoho.no_such_address', `${product} has no ${path} for this organization: ${said}.`, { details });
  if (status === 429) {
    const scope = /concurrent|simultaneous|at once/i.test(said) ? 'concurrent' : 'minute';
    return new RateLimitedError('zoho.limited', `${product}: ${said}.`, { scope, details, ...retryAfterMs(headers['retry-after']) });
  }
  if (status >= 500) return new RetryLaterError('zoho.unwell', `${product} answered ${status} to ${path}: ${said}.`, { details });
  return new PermanentError('zoho.refused', `${product} refused ${path}: ${said}.`, { details });
}

/** When the quota is whole again: the header counts the seconds to midnight in the organization's zone. */
function endOfDay(response: HttpResponse): Date {
  const seconds = Number(response.headers['x-rate-limit-reset']);
  const wait = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 86_400) : 3600;
  return new Date(response.sentAt.getTime() + wait * 1000);
}

function retryAfterMs(header: string | undefined): { retryAfterMs?: number } {
  const seconds = Number(header);
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {};
}

function organizationsOf(body: JsonObject): string {
  if (!Array.isArray(body.error_info)) return '';
  const named = body.error_info.map((entry) => (isRecord(entry) ? [entry.organization_id, entry.name ?? entry.organization_name].filter(Boolean).join(' ') : String(entry)));
  return named.length === 0 ? '' : `: ${named.slice(0, 20).join(', ')}`;
}
