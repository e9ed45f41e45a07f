import type { Context, Middleware } from 'koa';
import { isLoopback } from './address.ts';
import { notesOf } from './auditing.ts';
import { ApiError } from './problem.ts';

/**
 * Refuses what a stranger's web page could send through a browser of this machine:
 * a name of its own that it has pointed at 127.0.0.1 (DNS rebinding), which shows in the Host header, and a form or `fetch` from
 * its own origin, which shows in Origin and Sec-Fetch-Site. Pages of `origins` may ask, with a token alone.
 */
export function guardAgainstPages(options: { loopback: boolean; origins: readonly string[] }): Middleware {
  return async (context, next) => {
    const host = context.get('Host');
    if (options.loopback && !isLoopback(nameOf(host))) {
      throw new ApiError('api.foreign_host', `The request is for ${JSON.stringify(host.slice(0, 100))}, which is not this machine.`);
    }
    const [site, origin] = [context.get('Sec-Fetch-Site'), context.get('Origin')];
    if (options.origins.length > 0) context.vary('Origin');
    if (options.origins.includes(origin)) {
      notesOf(context).crossOrigin = true;
      if (letIn(context, origin)) return;
    } else if (context.method !== 'GET' && context.method !== 'HEAD') refuseForeignOrigin(origin, host, site);
    // A link may lead here. What a foreign page loads by itself it could not read, but it could count and time it.
    else if (context.get('Sec-Fetch-Mode') !== 'navigate' || context.get('Sec-Fetch-Dest') !== 'document') refuseForeignOrigin(origin, host, site);
    await next();
  };
}

/** Lets a page of another origin read the answer. True: it only asked whether it may (a preflight), and is answered. */
function letIn(context: Context, origin: string): boolean {
  context.set('Access-Control-Allow-Origin', origin);
  context.set('Access-Control-Expose-Headers', 'Location, Retry-After, Idempotency-Replayed');
  if (context.method !== 'OPTIONS' || context.get('Access-Control-Request-Method') === '') return false;
  context.set({ 'Access-Control-Allow-Methods': 'GET, POST, DELETE', 'Access-Control-Allow-Headers': 'Authorization, Content-Type, Idempotency-Key', 'Access-Control-Max-Age': '600' });
  if (context.get('Access-Control-Request-Private-Network') === 'true') context.set('Access-Control-Allow-Private-Network', 'true');
  context.status = 204;
  return true;
}

function refuseForeignOrigin(origin: string, host: string, site: string): void {
  const foreign = site === 'cross-site' || site === 'same-site' || (origin !== '' && origin !== `http://${host}` && origin !== `https://${host}`);
  if (foreign) throw new ApiError('api.foreign_origin', `The request comes from ${JSON.stringify((origin || site).slice(0, 100))}.`);
}

/** `[::1]:8080` → `::1`, `localhost:8080` → `localhost`. */
function nameOf(host: string): string {
  return /^\[([^\]]*)\](:\d*)?$/.exec(host)?.[1] ?? host.replace(/:\d*$/, '');
}

/** What no answer goes without: nothing of the API is to be guessed at, framed, cached, or read by another origin. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': `default-src 'none'; frame-ancestors 'none'`,
  'Cross-Origin-Resource-Policy': 'same-origin',
};
