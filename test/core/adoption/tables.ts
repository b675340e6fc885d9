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
