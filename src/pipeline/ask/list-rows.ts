import type { ViewRow } from '../../core/domain.ts';
import { compareUtf8 } from '../../core/text.ts';
import type {
  ColumnCondition,
  DeliveryKind,
  DeliveryKindListing,
  ListedRow,
  ViewListing,
} from '../../ports/view-rows.ts';
import type { AskParts } from './parts.ts';

/** Which rows of the view are listed. All conditions have to hold. */
export interface RowsQuery {
  readonly conditions: readonly ColumnCondition[];
  /**
   * Only entities with a delivery of this kind; null for all. For `delivered`, no target may be owed the entity's state
   * besides.
   */
  readonly delivery: DeliveryKind | null;
  /** Whether only entities are listed that have waited for an event longer than `stuckAfterMs`. */
  readonly isStuck: boolean;
  /** Only entities whose last event was journaled at least this long ago; null for all. */
  readonly olderThanMs: number | null;
  readonly after: string | null;
  readonly limit: number;
}

export interface RowsFound {
  readonly rows: readonly FoundRow[];
  /** The id behind which the next page begins; null on the last page. There may be one although `rows` is short. */
  readonly next: string | null;
  /**
   * The rows that this page looked at and that wait for an event, for however long. It is 0 unless the query asks for stuck
   * entities.
   */
  readonly waiting: number;
}

export interface FoundRow extends ListedRow {
  /** The domain's word for the event that the row waits for; null if it waits for none. */
  readonly waitsFor: string | null;
  /** When the entity's last event was journaled; null if that was not asked for, or if it has none. */
  readonly lastArrivalMs: number | null;
}

/** What a list needs of the parts. */
export type ListingParts<State, Event> = Pick<
  AskParts<State, Event>,
  'domain' | 'store' | 'clock' | 'targets' | 'stuckAfterMs'
>;
type Parts = ListingParts<unknown, unknown>;

/** The most rows of the view, and of the ledger for each target, that one page looks at. */
export const SCANNED_ROWS = 10_000;
/** The most rows whose last events one page reads. */
const CANDIDATES = 1_000;

/** A page of rows that the query selects, sorted by the bytes of their ids. */
export async function listRows(parts: Parts, query: RowsQuery): Promise<RowsFound> {
  const { limit, isStuck, olderThanMs } = query;
  const needsTimes = isStuck || olderThanMs !== null;
  const wide = { ...query, limit: needsTimes ? Math.max(limit, CANDIDATES) : limit };
  const { rows, next } =
    query.delivery === null ? await ofView(parts, wide) : await ofLedger(parts, wide, query.delivery);
  const { found, waiting } = needsTimes
    ? await byTimes(parts, rows, query)
    : { found: rows.map((row) => asFound(parts, row, null)), waiting: 0 };
  const shown = found.slice(0, limit);
  return { rows: shown, next: found.length > limit ? (shown.at(-1)?.entityId ?? null) : next, waiting };
}

function asFound({ domain }: Parts, row: ListedRow, lastArrivalMs: number | null): FoundRow {
  const waitsFor = domain.view.whyNotReady?.(row.row)?.waitsFor ?? null;
  return { ...row, waitsFor, lastArrivalMs };
}

async function ofView(
  { domain, store }: Parts,
  { conditions, isStuck, after, limit }: RowsQuery,
): Promise<ViewListing> {
  const { readyColumn } = domain.view;
  const notReady = isStuck && readyColumn !== undefined ? [{ columns: [readyColumn], value: false }] : [];
  return store.listView({ conditions: [...conditions, ...notReady], after, limit, scan: SCANNED_ROWS });
}

async function ofLedger(
  parts: Parts,
  { conditions, after, limit }: RowsQuery,
  kind: DeliveryKind,
): Promise<ViewListing> {
  const { domain, store, targets } = parts;
  const listingsOf = async (listed: DeliveryKind) => {
    const listings: DeliveryKindListing[] = [];
    for (const target of targets)
      listings.push(await store.listByDelivery({ target, kind: listed, after, limit, scan: SCANNED_ROWS }));
    return listings;
  };
  const listings = await listingsOf(kind);
  const owed = kind === 'delivered' ? await listingsOf('owed') : [];
  // Behind the first `next` a listing may lack entities.
  const next = [...listings, ...owed]
    .flatMap((listing) => (listing.next === null ? [] : [listing.next]))
    .reduce<string | null>((least, id) => (least === null || compareUtf8(id, least) < 0 ? id : least), null);
  const isOwed = new Set(owed.flatMap(({ entityIds }) => entityIds));
  const ids = [...new Set(listings.flatMap(({ entityIds }) => entityIds))]
    .filter((id) => !isOwed.has(id) && (next === null || compareUtf8(id, next) <= 0))
    .sort(compareUtf8);
  const rows = await store.readView(ids);
  const meets = (row: ViewRow, { columns, value }: ColumnCondition) =>
    domain.view.columns.some(({ name }, index) => columns.includes(name) && row[index] === value);
  return {
    rows: ids.flatMap((entityId) => {
      const found = rows.get(entityId);
      if (found === undefined || !conditions.every((condition) => meets(found.row, condition))) return [];
      return [{ entityId, ...found }];
    }),
    next,
  };
}

async function byTimes(
  parts: Parts,
  rows: readonly ListedRow[],
  { isStuck, olderThanMs }: RowsQuery,
): Promise<{ found: FoundRow[]; waiting: number }> {
  const { store, clock, stuckAfterMs } = parts;
  const candidates = rows
    .map((row) => asFound(parts, row, null))
    .filter(({ waitsFor }) => !isStuck || waitsFor !== null);
  const times = await store.readLastArrivals(candidates.map(({ entityId }) => entityId));
  const latestMs = clock.now() - Math.max(olderThanMs ?? 0, isStuck ? stuckAfterMs : 0);
  const found = candidates.flatMap((row) => {
    const lastArrivalMs = times.get(row.entityId) ?? null;
    return lastArrivalMs === null || lastArrivalMs > latestMs ? [] : [{ ...row, lastArrivalMs }];
  });
  return { found, waiting: isStuck ? candidates.length : 0 };
}
