import type { FoundColumn, FoundTable, ViewShape } from '../../../src/core/adoption/index.ts';

export const VIEW: ViewShape = {
  table: 'orders',
  keyColumn: 'order_id',
  columns: [
    { name: 'status', type: 'text' },
    { name: 'sent', type: 'boolean' },
    { name: 'revision', type: 'integer' },
  ],
};

/** Columns of the types that are texts in one form. */
export const EXACT_COLUMNS = [
  { name: 'total', type: 'decimal', precision: 6, scale: 2 },
  { name: 'paid_at', type: 'timestamp' },
  { name: 'address', type: 'json' },
] as const;

export const column = (
  name: string,
  type: string,
  family: FoundColumn['family'],
  more: Partial<FoundColumn> = {},
) => ({
  name,
  type,
  family,
  isGenerated: false,
  defaultValue: null,
  ...more,
});

export function tableWith(columns: readonly FoundColumn[], more: Partial<FoundTable> = {}): FoundTable {
  return {
    name: 'orders',
    kind: 'table',
    findings: [],
    columns,
    isKeyUnique: true,
    attachments: [],
    namesTaken: [],
    notes: [],
    isMarkedOurs: false,
    ...more,
  };
}
