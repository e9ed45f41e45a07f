import { fullPage } from './list.ts';

/** One page to ask for. */
export interface Ask {
  page: number;
  perPage: number;
  /** Records of the list before the page. */
  start: number;
}

/**
 * The page that starts at or before `seek` and reaches furthest. Zoho knows pages and no offsets, but the size of a page
 * is free up to 200: pages of slightly different sizes overlap as wanted, at nearly no cost in calls.
 */
export function pageFrom(seek: number): Ask {
  let best: Ask = { page: 1, perPage: fullPage, start: 0 };
  for (let perPage = fullPage; perPage > 0; perPage--) {
    const start = Math.floor(seek / perPage) * perPage;
    if (start + perPage > best.start + best.perPage) best = { page: start / perPage + 1, perPage, start };
    // The best that a smaller page can reach.
    if (seek + perPage <= best.start + best.perPage) break;
  }
  return best;
}
