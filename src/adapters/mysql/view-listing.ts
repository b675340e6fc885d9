import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { DefectError } from '../../core/errors.ts';
import { compareUtf8 } from '../../core/text.ts';
import type {
  ColumnCondition,
  DeliveryKind,
  DeliveryKindListing,
  DeliveryKindPage,
  ViewListing,
  ViewPage,
} from '../../ports/view-rows.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { idPage } from './id-page.ts';
import { identifier } from './identifier.ts';
import { textOf } from './values.ts';
import { datetimeOf, isText, parameterOf } from './view-parameters.ts';
import type { ViewLayout } from './view-state.ts';
import { viewValue } from './view-table.ts';

type Value = string | number | Buffer;

/** A page of the view. With conditions it first finds the last key that it may look at. */
export async function listView(
  connection: PoolConnection,
  layout: ViewLayout,
  { conditions, after, limit, scan }: ViewPage,
): Promise<ViewListing> {
  const { view } = layout;
  const key = identifier(view.keyColumn);
  const table = `${identifier(view.table)} FORCE INDEX (\`PRIMARY\`)`;
  // No id is empty, so every id comes behind the empty one. The id is a text here, since the key may be one.
  const from = after ?? '';
  const end =
    conditions.length === 0
      ? null
      : await idAt(
          connection,
          idPage({
            columns: [key],
            rows: `FROM ${table} WHERE ${key} > ?`,
            limit: 1,
            offset: Math.floor(scan) - 1,
          }),
          [from],
        );
  const { sql, values } = conditionsOf(view, conditions);
  const columns = [key, ...layout.selected(identifier(view.table)), 'version'];
  const [found] = await connection.execute<RowDataPacket[]>(
    idPage({
      columns,
      rows: `FROM ${table} WHERE ${key} > ? ${end === null ? '' : `AND ${key} <= ?`} ${sql}`,
      limit: Math.floor(limit) + 1,
    }),
    [from, ...(end === null ? [] : [end]), ...values],
  );
  const rows = found.map((row) => ({
    entityId: textOf(row[0]),
    row: view.columns.map((column, index) => viewValue(column, row[index + 1])),
    version: Number(row[view.columns.length + 1]),
  }));
  const shown = rows.slice(0, limit);
  return { rows: shown, next: rows.length > limit ? (shown.at(-1)?.entityId ?? null) : end };
}

async function idAt(connection: PoolConnection, sql: string, values: Value[]): Promise<string | null> {
  const [[row]] = await connection.execute<RowDataPacket[]>(sql, values);
  return row === undefined ? null : textOf(row[0]);
}

function conditionsOf(
  view: ViewShape,
  conditions: readonly ColumnCondition[],
): { sql: string; values: Value[] } {
  const values: Value[] = [];
  const parts = conditions.map(({ columns, value }) => {
    const either = columns.map((name) => {
      const column = view.columns.find((one) => one.name === name);
      if (column === undefined) throw new DefectError(`The view has no column ${name}.`);
      if (value === null) return `${identifier(name)} IS NULL`;
      if (typeof value !== 'string') {
        values.push(Number(value));
        return `${identifier(name)} = ?`;
      }
      values.push(column.type === 'timestamp' ? datetimeOf(value) : value);
      if (!isText(column)) return `${identifier(name)} = ${parameterOf(column)}`;
      // A proxy does not count a parameter within CAST.
      return `HEX(${identifier(name)}) = HEX(?)`;
    });
    return `AND (${either.length === 0 ? 'FALSE' : either.join(' OR ')})`;
  });
  return { sql: parts.join(' '), values };
}

const IN_INDEX =
  'SELECT entity_id FROM deliveries FORCE INDEX (deliveries_by_next_attempt) WHERE target = ? AND';
const IN_LEDGER = 'FROM deliveries FORCE INDEX (`PRIMARY`) WHERE target = ? AND entity_id > ?';

/** The entries of the index for each kind that is owed. */
const INDEXED: Readonly<Record<Exclude<DeliveryKind, 'delivered'>, string>> = {
  owed: `is_retry IN (0, 1) AND next_attempt_at <= ${DEAD_AT_MS}`,
  dead: `is_retry = 0 AND next_attempt_at = ${DEAD_AT_MS}`,
  in_flight: `is_retry IN (0, 1) AND next_attempt_at < ${DEAD_AT_MS}`,
};

/** The condition on `status` for each kind. */
const STATUS: Readonly<Record<DeliveryKind, string>> = {
  owed: "<> 'delivered'",
  dead: "= 'dead'",
  in_flight: "= 'pending'",
  delivered: "= 'delivered'",
};

/** Reads the index of due rows if it has few of them, and else a part of the ledger. */
export async function listByDelivery(
  connection: PoolConnection,
  { target, kind, after, limit, scan }: DeliveryKindPage,
): Promise<DeliveryKindListing> {
  const from = Buffer.from(after ?? '');
  const idsOf = async (sql: string, ...values: Value[]) => {
    const [rows] = await connection.execute<RowDataPacket[]>(sql, [target, ...values]);
    return rows.map((row) => textOf(row[0]));
  };
  const pageOf = (ids: readonly string[], end: string | null): DeliveryKindListing => {
    const shown = ids.slice(0, limit);
    return { entityIds: shown, next: ids.length > limit ? (shown.at(-1) ?? null) : end };
  };
  if (kind !== 'delivered') {
    const few = await idsOf(`${IN_INDEX} ${INDEXED[kind]} LIMIT ${Math.floor(scan) + 1}`);
    if (few.length <= scan) return pageOf(behind(few, after ?? ''), null);
  }
  const [end = null] = await idsOf(
    idPage({ columns: ['entity_id'], rows: IN_LEDGER, limit: 1, offset: Math.floor(scan) - 1 }),
    from,
  );
  return pageOf(
    await idsOf(
      idPage({
        columns: ['entity_id'],
        rows: `${IN_LEDGER} ${end === null ? '' : 'AND entity_id <= ?'} AND status ${STATUS[kind]}`,
        limit: Math.floor(limit) + 1,
      }),
      from,
      ...(end === null ? [] : [Buffer.from(end)]),
    ),
    end,
  );
}

/** The ids behind `from`, sorted by their bytes. */
function behind(ids: readonly string[], from: string): string[] {
  return ids.filter((id) => compareUtf8(id, from) > 0).sort(compareUtf8);
}
