/** Where a page of a list begins, and which way the list goes. */
export interface Page {
  /** At most so many. */
  limit: number;
  /** The id of the last one of the page before, with the newest first. */
  before?: string;
  /** The same, with the oldest first. */
  after?: string;
  /** Default `newest`. */
  sort?: 'newest' | 'oldest';
}

/**
 * The end of a list's statement, after its own conditions: where the page begins, the order, the limit. `id` is the qualified column that the
 * list goes by; parameters are numbered from `first`.
 */
export function pageOfList(id: string, { limit, before, after, sort }: Page, first: number): { text: string; values: unknown[] } {
  return {
    text: `AND ($${first}::bigint IS NULL OR ${id} < $${first}) AND ($${first + 1}::bigint IS NULL OR ${id} > $${first + 1}) ORDER BY ${id} ${sort === 'oldest' ? 'ASC' : 'DESC'} LIMIT $${first + 2}`,
    values: [before ?? null, after ?? null, limit],
  };
}
