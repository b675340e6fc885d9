import { describe, expect, it } from 'vitest';
import { namingOf, TABLE_SETTINGS } from '../../../../src/apps/shared/settings/known/tables.ts';

const { table, columns, tablePrefix } = TABLE_SETTINGS;

describe('the settings of tables', () => {
  it('names of columns are read as pairs', () => {
    const given = columns.parse('order_id=id, order_status = Order State,ready_to_send=a=b');
    expect(
      namingOf({ table: table.parse('select'), columns: given, tablePrefix: tablePrefix.parse('eu_') }),
    ).toEqual({
      tablePrefix: 'eu_',
      viewTable: 'select',
      viewColumns: new Map([
        ['order_id', 'id'],
        ['order_status', 'Order State'],
        ['ready_to_send', 'a=b'],
      ]),
    });
    expect(namingOf({})).toEqual({ tablePrefix: undefined, viewTable: undefined, viewColumns: new Map() });
  });

  it.each(['status=x', 'order_status', '=x', 'order_status=', 'order_status=a?'])(
    'the names "%s" are refused',
    (given) => {
      expect(() => columns.parse(given)).toThrow(/^give /);
    },
  );

  it('a column that is named twice is refused', () => {
    expect(() => namingOf({ columns: ['order_id=a', 'order_id=b'] })).toThrow(
      expect.objectContaining({ code: 'setting_invalid', message: expect.stringMatching(/order_id twice/) }),
    );
  });

  it.each(['a?', 'a/b', 'x'.repeat(55), ' '])('the table "%s" is refused', (given) => {
    expect(() => table.parse(given)).toThrow(/give another name: this one/);
  });

  it.each(['EU_', 'eu-', '_eu', 'a b'])('the prefix "%s" is refused', (given) => {
    expect(() => tablePrefix.parse(given)).toThrow(/give a lower-case letter/);
  });
});
