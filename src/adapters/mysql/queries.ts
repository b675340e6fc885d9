import type { RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { StoreCounts, StoredRow } from '../../ports/store.ts';
import { withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { identifier } from './identifier.ts';
import { chunksOf, marks } from './rows-statement.ts';
import { textOf } from './values.ts';
import type { ViewLayout } from './view-state.ts';
import { viewValue } from './view-table.ts';

export async function readView(
  pool: ConnectionPool,
  layout: ViewLayout,
  entityIds: readonly string[],
): Promise<Map<string, StoredRow>> {
  const { view } = layout;
  const columns = [`v.${identifier(view.keyColumn)}`, ...layout.selected('v'), 'v.version'];
  const found = new Map<string, StoredRow>();
  await withConnection(pool, async (connection) => {
    for (const ids of chunksOf(entityIds)) {
      const [rows] = await connection.execute<RowDataPacket[]>(
        `SELECT ${columns.join(', ')} FROM ${identifier(view.table)} v FORCE INDEX (\`PRIMARY\`) WHERE v.${identifier(view.keyColumn)} IN (${marks(ids.length)})`,
        ids,
      );
      for (const row of rows) {
        found.set(textOf(row[0]), {
          row: view.columns.map((column, index) => viewValue(column, row[index + 1])),
          version: Number(row[view.columns.length + 1]),
        });
      }
    }
  });
  return found;
}

export async function counts(pool: ConnectionPool, view: ViewShape): Promise<StoreCounts> {
  return withConnection(pool, async (connection) => {
    const number = async (query: string) => {
      const [rows] = await connection.query<RowDataPacket[]>(query);
      return Number(rows[0]?.[0] ?? 0);
    };
    const count = (query: string) => number(`SELECT COUNT(*) FROM ${query}`);
    return {
      journaledEvents: await number('SELECT SUM(event_count) FROM journal_segments'),
      viewRows: await count(identifier(view.table)),
      quarantined: await count('quarantine WHERE settled_as IS NULL'),
      deliveriesPending: await count("deliveries WHERE status = 'pending'"),
      deliveriesDelivered: await count("deliveries WHERE status = 'delivered'"),
      deliveriesDead: await count("deliveries WHERE status = 'dead'"),
    };
  });
}
