import type { ListedOrder, Page } from '../../api/types.ts';

export interface Merged {
  readonly page: Page<ListedOrder>;
  /** The ids of rows that are not as they were. */
  readonly changed: readonly string[];
  /** The ids of rows that the filters do not ask for any more. They stay until the list is read anew. */
  readonly gone: readonly string[];
}

/**
 * The page as it is shown, with the values of the page as it is now. No row comes or goes, so that nothing moves under the
 * reader's hand. `fresh` is read with the same cursor and the same filters.
 */
export function mergedPage(shown: Page<ListedOrder>, fresh: Page<ListedOrder>): Merged {
  const now = new Map(fresh.data.map((order) => [order.orderId, order]));
  const lastId = fresh.data.at(-1)?.orderId;
  const changed: string[] = [];
  const gone: string[] = [];
  const data = shown.data.map((order) => {
    const next = now.get(order.orderId);
    if (next === undefined) {
      // New rows may have pushed it to the next page.
      const isBehind = fresh.page.hasMore && (lastId === undefined || order.orderId > lastId);
      if (!isBehind) gone.push(order.orderId);
      return order;
    }
    if (JSON.stringify(next) === JSON.stringify(order)) return order;
    changed.push(order.orderId);
    return next;
  });
  return { page: { ...shown, data }, changed, gone };
}

/** The pages that have a row of these orders in sight, and the orders that no page has. */
export function placesOf(
  pages: readonly Page<ListedOrder>[],
  ids: ReadonlySet<string>,
  inSight: ReadonlySet<string>,
): { readonly places: readonly number[]; readonly missing: ReadonlySet<string> } {
  const places = new Set<number>();
  const missing = new Set<string>();
  for (const id of ids) {
    const place = pages.findIndex((page) => idsOf(page).has(id));
    if (place < 0) missing.add(id);
    else if (inSight.has(id)) places.add(place);
  }
  return { places: [...places].sort((a, b) => a - b), missing };
}

/** The ids of each page. A message names few orders, and a long list has thousands of rows. */
const idsOfPages = new WeakMap<Page<ListedOrder>, ReadonlySet<string>>();

function idsOf(page: Page<ListedOrder>): ReadonlySet<string> {
  const known = idsOfPages.get(page);
  if (known !== undefined) return known;
  const ids = new Set(page.data.map(({ orderId }) => orderId));
  idsOfPages.set(page, ids);
  return ids;
}
