import type { ViewValue } from '../core/domain.ts';
import type { StoredRow } from './store.ts';

/** Lists the rows of the view, in pages that each read a limited number of rows. */
export interface ViewRowsInspection {
  readView(entityIds: readonly string[]): Promise<Map<string, StoredRow>>;
  /**
   * Looks at no more than `scan` rows behind `after`, sorted by the bytes of their keys, and gives the first `limit` of
   * them that meet all conditions. So a page may have fewer rows than `limit`, or none, although others follow:
   * `next` tells.
   */
  listView(page: ViewPage): Promise<ViewListing>;
  /**
   * Lists the entities whose delivery to this target is of a kind, sorted by the bytes of their ids, beginning behind
   * `after`. Looks at no more than `scan` rows of the ledger and `scan` entries of its index of due rows. If no more than
   * `scan` rows are due or dead, one page finds all of every kind but `delivered`.
   */
  listByDelivery(page: DeliveryKindPage): Promise<DeliveryKindListing>;
}

export interface ViewPage {
  readonly conditions: readonly ColumnCondition[];
  readonly after: string | null;
  readonly limit: number;
  readonly scan: number;
}

/** A row meets the condition if one of the columns has the value. Null stands for NULL. Texts are compared exactly. */
export interface ColumnCondition {
  readonly columns: readonly string[];
  readonly value: ViewValue;
}

export interface ViewListing {
  readonly rows: readonly ListedRow[];
  /** The id behind which the next page begins; null if there are no more rows. */
  readonly next: string | null;
}

export interface ListedRow extends StoredRow {
  readonly entityId: string;
}

/**
 * - `owed`: the target has not accepted the state that was due last.
 * - `dead`: it is owed, and not tried any more.
 * - `in_flight`: it is owed, and is claimed or will be.
 * - `delivered`: the target has accepted it.
 */
export type DeliveryKind = 'owed' | 'dead' | 'in_flight' | 'delivered';

export interface DeliveryKindPage {
  readonly target: string;
  readonly kind: DeliveryKind;
  readonly after: string | null;
  readonly limit: number;
  readonly scan: number;
}

export interface DeliveryKindListing {
  readonly entityIds: readonly string[];
  /** The id behind which the next page begins; null if there are no more entities. */
  readonly next: string | null;
}
