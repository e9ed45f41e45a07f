/** Stricter limits of some paths: a call there waits for the right of its path, then for that of its account. */
import type { Limiter, Permit } from './limiter-types.ts';

/** Says whether a path is meant, without its query. */
export type PathMatcher = (path: string) => boolean;

/** `/invoices/{id}` means each path that ends so, whatever stands for the part in braces. */
export function pathMatcher(pattern: string): PathMatcher {
  const parts = pattern.split('/').filter((part) => part !== '').map((part) => (/^\{[^{}]+\}$/.test(part) ? '[^/]+' : part.replaceAll(/[^\w~-]/g, '\\$&')));
  const form = new RegExp(`/${parts.join('/')}/?$`);
  return (path) => form.test(path.split('?', 1)[0] ?? path);
}

/** One right that is made of one of each limiter. Taken in their order, so that two calls never wait for each other. @throws as `Limiter.acquire` */
export async function acquireAll(limiters: readonly Limiter[], priority: number, signal?: AbortSignal): Promise<Permit> {
  const permits: Permit[] = [];
  try {
    for (const limiter of limiters) permits.push(await limiter.acquire(priority, signal));
  } catch (error) {
    for (const permit of permits) permit.release();
    throw error;
  }
  return {
    async sent() {
      for (const permit of permits) await permit.sent();
    },
    counted() {
      for (const permit of permits) permit.counted();
    },
    release() {
      for (const permit of permits) permit.release();
    },
    get wasSent() {
      return permits.some((permit) => permit.wasSent);
    },
  };
}
