import type { StoreCounts, StoredRow } from '../../ports/store.ts';
import type { Connection, Database } from './database.ts';
import { Pace, slices } from './pace.ts';
import { numberOf, textOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';

export async function readView(
  database: Database,
  view: ViewRows,
  entityIds: readonly string[],
): Promise<Map<string, StoredRow>> {
  const rows = new Map<string, StoredRow>();
  const pace = new Pace();
  for (const slice of slices(entityIds)) {
    await database.read((reader) => {
      for (const entityId of slice) {
        const row = view.read(reader, entityId);
        if (row !== null) rows.set(entityId, row);
      }
    });
    await pace.pass(slice.length);
  }
  return rows;
}

export async function counts(database: Database, view: ViewRows): Promise<StoreCounts> {
  const count = (table: string) =>
    database.read((reader) => numberOf(reader.statement(`SELECT count(*) AS n FROM ${table}`).get()?.n));
  const deliveries = await database.read(countDeliveries);
  return {
    journaledEvents: await count('event_journal'),
    viewRows: await count(view.table),
    quarantined: await count('quarantine WHERE settled_as IS NULL'),
    deliveriesPending: deliveries.get('pending') ?? 0,
    deliveriesDelivered: deliveries.get('delivered') ?? 0,
    deliveriesDead: deliveries.get('dead') ?? 0,
  };
}

function countDeliveries(reader: Connection): Map<string, number> {
  const rows = reader.statement('SELECT status, count(*) AS n FROM deliveries GROUP BY status').all();
  return new Map(rows.map((row) => [textOf(row.status), numberOf(row.n)]));
}
