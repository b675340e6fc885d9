import type { SQLInputValue } from 'node:sqlite';
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
import type { Connection } from './database.ts';
import { DEAD_AT_MS } from './delivery-filter.ts';
import { identifier } from './identifier.ts';
import { nullOr, numberOf, textOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';

/** A page of the view. With conditions it first finds the last key that it may look at. */
export function listView(
  reader: Connection,
  view: ViewRows,
  { conditions, after, limit, scan }: ViewPage,
): ViewListing {
  const { table, key } = view;
  const from = after ?? '';
  const end =
    conditions.length === 0
      ? null
      : nullOr(
          reader
            .statement(`SELECT ${key} AS id FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT 1 OFFSET ?`)
            .get(from, scan - 1)?.id,
          textOf,
        );
  const { sql, values } = conditionsOf(view, conditions);
  const rows = reader
    .statement(
      `SELECT ${key} AS id, ${view.columnsOf(table)}, version FROM ${table}
      WHERE ${key} > ? ${end === null ? '' : `AND ${key} <= ?`} ${sql} ORDER BY ${key} LIMIT ?`,
    )
    .all(from, ...(end === null ? [] : [end]), ...values, limit + 1)
    .map((row) => ({ entityId: textOf(row.id), row: view.rowOf(row), version: numberOf(row.version) }));
  const shown = rows.slice(0, limit);
  return { rows: shown, next: rows.length > limit ? (shown.at(-1)?.entityId ?? null) : end };
}

function conditionsOf(
  view: ViewRows,
  conditions: readonly ColumnCondition[],
): { sql: string; values: SQLInputValue[] } {
  const values: SQLInputValue[] = [];
  const parts = conditions.map(({ columns, value }) => {
    const either = columns.map((name) => {
      if (!view.definition.columns.some((column) => column.name === name))
        throw new DefectError(`The view has no column ${name}.`);
      values.push(typeof value === 'boolean' ? Number(value) : value);
      return `${identifier(name)} IS ?`;
    });
    return `AND (${either.length === 0 ? 'FALSE' : either.join(' OR ')})`;
  });
  return { sql: parts.join(' '), values };
}

const IN_INDEX =
  'SELECT entity_id FROM deliveries INDEXED BY deliveries_by_next_attempt WHERE target = ? AND';

/** The entries of the index for each kind that is owed. */
const INDEXED: Readonly<Record<Exclude<DeliveryKind, 'delivered'>, string>> = {
  owed: 'next_attempt_at IS NOT NULL',
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
export function listByDelivery(
  reader: Connection,
  { target, kind, after, limit, scan }: DeliveryKindPage,
): DeliveryKindListing {
  const from = after ?? '';
  const idsOf = (sql: string, ...values: SQLInputValue[]) =>
    reader
      .statement(sql)
      .all(target, ...values)
      .map((row) => textOf(row.entity_id));
  const pageOf = (ids: readonly string[], end: string | null): DeliveryKindListing => {
    const shown = ids.slice(0, limit);
    return { entityIds: shown, next: ids.length > limit ? (shown.at(-1) ?? null) : end };
  };
  if (kind !== 'delivered') {
    const few = idsOf(`${IN_INDEX} ${INDEXED[kind]} LIMIT ?`, scan + 1);
    if (few.length <= scan) return pageOf(behind(few, from), null);
  }
  const [end = null] = idsOf(
    'SELECT entity_id FROM deliveries WHERE target = ? AND entity_id > ? ORDER BY entity_id LIMIT 1 OFFSET ?',
    from,
    scan - 1,
  );
  return pageOf(
    idsOf(
      `SELECT entity_id FROM deliveries WHERE target = ? AND entity_id > ? ${end === null ? '' : 'AND entity_id <= ?'}
      AND status ${STATUS[kind]} ORDER BY entity_id LIMIT ?`,
      from,
      ...(end === null ? [] : [end]),
      limit + 1,
    ),
    end,
  );
}

/** The ids behind `from`, sorted by their bytes. */
function behind(ids: readonly string[], from: string): string[] {
  return ids.filter((id) => compareUtf8(id, from) > 0).sort(compareUtf8);
}
