import type { QuotaObservation } from './quota-types.ts';

/** The day's quota by the widespread headers; Zoho's speak of the day, and their reset is in seconds. */
export function quotaOfHeaders(headers: Record<string, string>, now: Date): QuotaObservation | undefined {
  const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) => {
    const text = headers[`x-rate-limit-${name}`];
    return text !== undefined && /^\d{1,12}$/.test(text.trim()) ? Number(text) : undefined;
  });
  if (remaining === undefined) return undefined;
  return {
    remaining,
    ...(limit === undefined ? {} : { limit }),
    ...(reset === undefined || reset === 0 || reset > 90_000 ? {} : { resetsAt: new Date(now.getTime() + reset * 1000) }),
  };
}
