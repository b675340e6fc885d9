import { describe, expect, it } from 'vitest';
import type { ViewColumn } from '../../src/core/domain.ts';
import { nameFault, ViewNames } from '../../src/core/view-names.ts';

const COLUMNS: readonly ViewColumn[] = [
  { name: 'status', type: 'text' },
  { name: 'total', type: 'decimal', precision: 6, scale: 2 },
];
const VIEW = { table: 'orders', keyColumn: 'order_id', columns: COLUMNS };
const names = new ViewNames({
  viewTable: 'sales orders',
  viewColumns: new Map([
    ['order_id', 'id'],
    ['status', 'total'],
    ['total', 'status'],
  ]),
});

describe('the names of a view', () => {
  it('turns the names of the domain into those of the table, and back', () => {
    const stored = names.stored(VIEW);
    expect(stored).toEqual({
      table: 'sales orders',
      keyColumn: 'id',
      columns: [
        { name: 'total', type: 'text' },
        { name: 'status', type: 'decimal', precision: 6, scale: 2 },
      ],
    });
    expect(names.known(stored.columns)).toEqual(COLUMNS);
    expect(names.storedConditions([{ columns: ['status', 'other'], value: 'x' }])).toEqual([
      { columns: ['total', 'other'], value: 'x' },
    ]);
  });

  it('turns every list of columns in the record of the view', () => {
    const stored = names.storedColumns(COLUMNS);
    expect(
      names.knownState({ columns: stored, rebuild: { columns: stored, formerColumns: stored } }),
    ).toEqual({ columns: COLUMNS, rebuild: { columns: COLUMNS, formerColumns: COLUMNS } });
    expect(names.knownState({ columns: stored, rebuild: null }).rebuild).toBeNull();
    const begun = names.knownState({ columns: stored, rebuild: { columns: stored, formerColumns: null } });
    expect(begun.rebuild?.formerColumns).toBeNull();
  });

  it("takes no column for that of the domain which the table has under the domain's name, and not under the stored one", () => {
    const [column] = new ViewNames({ viewColumns: new Map([['status', 'state']]) }).known(COLUMNS);
    expect(column?.name).toBe('status (of the table)');
  });

  it('leaves everything as it is without settings', () => {
    const plain = new ViewNames();
    expect(plain.stored(VIEW)).toEqual(VIEW);
    // The same list, so that its text is made once.
    expect(plain.storedColumns(COLUMNS)).toBe(COLUMNS);
    expect(plain.known(COLUMNS)).toBe(COLUMNS);
  });

  it.each([
    ['', /1 to 54/],
    ['x'.repeat(55), /1 to 54/],
    ['a\u0000b', /no database takes/],
    ['a\nb', /no database takes/],
    ['😀', /no database takes/],
    ['\ud800', /no database takes/],
    [' a', /blank/],
    ['a ', /blank/],
    ['a?', /question mark/],
    ['a/b', /slash/],
    ['a\\b', /slash/],
    ['SQLite_x', /sqlite_/],
    ['shop.orders', /DATABASE_URL/],
  ])('refuses the table name %j', (name, fault) => {
    expect(nameFault(name, 'table')).toMatch(fault);
  });

  it.each(['select', 'Orders', 'a b', 'a`b"c\'d', 'ü.x', '1', '--', 'a;b', 'x'.repeat(54)])(
    'takes the table name %j',
    (name) => {
      expect(nameFault(name, 'table')).toBeNull();
    },
  );
});
