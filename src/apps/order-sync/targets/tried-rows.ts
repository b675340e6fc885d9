import type { BodyTemplate } from '../../../core/body-template.ts';
import type { JsonValue, ViewColumn } from '../../../core/domain.ts';
import { decimalText, timestampText } from '../../../core/view-values.ts';
import type { TargetedDomain } from './wishes.ts';

const OF_ORDERS: ReadonlySet<string> = new Set([
  'order_id',
  'order_status',
  'payment_status',
  'review_status',
  'ready_to_send',
  'version',
]);
/** A status of a payment tells which of three states of one order is sent. */
const STATES = ['PAYMENT_AUTHORIZED', 'AUTHORIZATION_REVIEW_ACCEPTED', 'AUTHORIZATION_REVIEW_DECLINED'];

/**
 * Makes a body of another domain of each state that check-target sends, which are orders. The key is that of the order. The
 * other columns differ where the states differ, and have values of their types; what the domain means by them is not known.
 * `template`: the body that the target wants, if not the row.
 */
export function triedBody({ view }: TargetedDomain, template: BodyTemplate | undefined): BodyTemplate {
  const { keyColumn, columns } = view;
  const rowOf = (values: Readonly<Record<string, JsonValue>>): Record<string, JsonValue> => {
    const state = STATES.indexOf(String(values.payment_status)) + 1;
    const isReady = values.ready_to_send !== false;
    const shown = columns.map((column) => [column.name, valueFor(column, state, isReady)] as const);
    const added = Object.entries(values).filter(
      ([name]) => !OF_ORDERS.has(name) && (name !== 'delivery_id' || template !== undefined),
    );
    return Object.fromEntries([
      [keyColumn, values.order_id ?? null],
      ...shown,
      ['version', values.version ?? null],
      ...added,
    ]);
  };
  const fill = template?.fill ?? ((row: Readonly<Record<string, JsonValue>>) => JSON.stringify(row));
  return { uses: template?.uses ?? new Set(), fill: (values) => fill(rowOf(values)) };
}

function valueFor(column: ViewColumn, state: number, isReady: boolean): JsonValue {
  switch (column.type) {
    case 'text':
      return `test ${state}`.slice(0, column.maxLength);
    case 'boolean':
      return isReady;
    case 'integer':
      return state;
    case 'decimal':
      return column.precision > column.scale ? decimalText(String(state), column) : null;
    case 'timestamp':
      return timestampText(`2026-01-0${state + 1}T00:00:00Z`);
    case 'json':
      return { test: state };
  }
}
