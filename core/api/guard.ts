import type { Middleware } from 'koa';
import { ApiError } from './problem.ts';

/** Whether an address to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

/**
 * Refuses what a stranger's web page could send through a browser of this machine:
 * a name of its own that it has pointed at 127.0.0.1 (DNS rebinding), which shows in the Host header, and a form or `fetch` from
 * its own origin, which shows in Origin and Sec-Fetch-Site.
 */
export function guardAgainstPages(options: { loopback: boolean }): Middleware {
  return async (context, next) => {
    const host = context.get('Host');
    if (options.loopback && !isLoopback(nameOf(host))) {
      throw new ApiError('api.foreign_host', `The request is for ${JSON.stringify(host.slice(0, 100))}, which is not this machine.`);
    }
    const site = context.get('Sec-Fetch-Site');
    if (context.method !== 'GET' && context.method !== 'HEAD') refuseForeignOrigin(context.get('Origin'), host, site);
    // A link may lead here. What a foreign page loads by itself it could not read, but it could count and time it.
    else if (context.get('Sec-Fetch-Mode') !== 'navigate' || context.get('Sec-Fetch-Dest') !== 'document') refuseForeignOrigin('', host, site);
    await next();
  };
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
