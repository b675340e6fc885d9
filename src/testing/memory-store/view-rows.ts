import { DefectError } from '../../core/errors.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { StoreCounts, StoredRow } from '../../ports/store.ts';
import type {
  ColumnCondition,
  DeliveryKind,
  DeliveryKindListing,
  DeliveryKindPage,
  ListedRow,
  ViewListing,
  ViewPage,
} from '../../ports/view-rows.ts';
import type { Connection } from './connection.ts';
import type { DeliveryRow } from './delivery-row.ts';
import type { TargetLedger } from './ledger-table.ts';
import type { ViewLayout, ViewTable } from './view-table.ts';

function tableOf(connection: Connection, layout: ViewLayout): ViewTable {
  return connection.database.viewTable(layout.view.table);
}

export function readView(
  connection: Connection,
  layout: ViewLayout,
  entityIds: readonly string[],
): Promise<Map<string, StoredRow>> {
  return connection.read('read rows', () => {
    const table = tableOf(connection, layout);
    const found = new Map<string, StoredRow>();
    for (const entityId of entityIds) {
      const row = table.get(entityId);
      if (row !== undefined) found.set(entityId, layout.read(table, row));
    }
    return found;
  });
}

export function listView(connection: Connection, layout: ViewLayout, page: ViewPage): Promise<ViewListing> {
  const { conditions, after, limit, scan } = page;
  const meets = conditions.map((condition) => meeting(layout, condition));
  return connection.read('list rows', () => {
    const table = tableOf(connection, layout);
    const { list } = table.ids;
    const from = table.ids.indexBehind(after);
    const end = conditions.length === 0 ? list.length : Math.min(list.length, from + Math.floor(scan));
    const rows: ListedRow[] = [];
    for (let index = from; index < end; index++) {
      const entityId = list[index] as string;
      const stored = layout.read(table, table.get(entityId) as StoredRow);
      if (!meets.every((meetsOne) => meetsOne(stored))) continue;
      if (rows.length >= limit) return { rows, next: rows.at(-1)?.entityId ?? null };
      rows.push({ entityId, ...stored });
    }
    // A page that ends exactly at the last row cannot know that it is the last one.
    const isFull = conditions.length > 0 && end - from === Math.floor(scan);
    return { rows, next: isFull ? (list[end - 1] ?? null) : null };
  });
}

function meeting({ view }: ViewLayout, { columns, value }: ColumnCondition): (row: StoredRow) => boolean {
  const places = columns.map((name) => {
    const place = view.columns.findIndex((column) => column.name === name);
    if (place === -1) throw new DefectError(`The view has no column ${name}.`);
    return place;
  });
  return ({ row }) =>
    places.some((place) => {
      const found = row[place] ?? null;
      if (value === null || typeof value === 'string') return found === value;
      return found !== null && Number(found) === Number(value);
    });
}

const STATUS: Readonly<Record<DeliveryKind, (row: DeliveryRow) => boolean>> = {
  owed: ({ status }) => status !== 'delivered',
  dead: ({ status }) => status === 'dead',
  in_flight: ({ status }) => status === 'pending',
  delivered: ({ status }) => status === 'delivered',
};

/** Reads the index of due rows if it has few of them, and else a part of the ledger. */
export async function listByDelivery(
  connection: Connection,
  page: DeliveryKindPage,
): Promise<DeliveryKindListing> {
  const { target, kind, after, limit, scan } = page;
  const pageOf = (ids: readonly string[], end: string | null): DeliveryKindListing => {
    const entityIds = ids.slice(0, limit);
    return { entityIds, next: ids.length > limit ? (entityIds.at(-1) ?? null) : end };
  };
  if (kind !== 'delivered') {
    const few = await connection.read('list due deliveries', ({ ledgers }) =>
      indexed(ledgers.get(target), kind, scan + 1),
    );
    if (few.length <= scan) return pageOf(idsBehind(few, after), null);
  }
  return connection.read('list deliveries', ({ ledgers }) => {
    const ledger = ledgers.get(target);
    const ids = ledger?.ids.behind(after, scan) ?? [];
    const end = ids.length === Math.floor(scan) ? (ids.at(-1) ?? null) : null;
    return pageOf(
      ids.filter((id) => STATUS[kind](ledger?.get(id) as DeliveryRow)),
      end,
    );
  });
}

/** At most `most` ids of the index of due rows that are of the kind. */
function indexed(ledger: TargetLedger | undefined, kind: DeliveryKind, most: number): string[] {
  if (ledger === undefined) return [];
  const { first, retries } = ledger;
  const rows = kind === 'dead' ? [] : first.rows(Math.min(most, first.size - first.dead));
  if (kind !== 'dead') rows.push(...retries.rows(most - rows.length));
  if (kind !== 'in_flight') rows.push(...first.rows(most - rows.length, true));
  return rows.map(({ entityId }) => entityId);
}

function idsBehind(ids: readonly string[], after: string | null): string[] {
  return ids.filter((id) => after === null || compareUtf8(id, after) > 0).sort(compareUtf8);
}

export function counts(connection: Connection, layout: ViewLayout): Promise<StoreCounts> {
  return connection.read('count', ({ journal, quarantine, ledgers }) => {
    const deliveries = { pending: 0, delivered: 0, dead: 0 };
    for (const ledger of ledgers.byTarget.values()) {
      deliveries.pending += ledger.counts.pending;
      deliveries.delivered += ledger.counts.delivered;
      deliveries.dead += ledger.counts.dead;
    }
    return {
      journaledEvents: journal.count,
      viewRows: tableOf(connection, layout).rows.size,
      quarantined: quarantine.openCount,
      deliveriesPending: deliveries.pending,
      deliveriesDelivered: deliveries.delivered,
      deliveriesDead: deliveries.dead,
    };
  });
}
