import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../../examples/stock-ledger/domain.ts';
import { namingOf, TABLE_SETTINGS } from '../../../../src/apps/shared/settings/known/tables.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import { SYNCED_ORDERS, syncedOf } from '../../../../src/apps/shared/settings/synced.ts';

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

  it.each(['order_status', '=x', 'order_status=', 'order_status=a?'])(
    'the names "%s" are refused',
    (given) => {
      expect(() => columns.parse(given)).toThrow(/^give /);
    },
  );

  it('a name for a column that the view does not have is refused, for orders and for other domains', () => {
    const load = (item: string, synced = SYNCED_ORDERS) =>
      loadSettings('order-sync', { env: { ORDER_SYNC_COLUMNS: item }, synced });
    expect(() => load('status=x')).toThrow('where the columns are order_id, order_status, ');
    const stock = syncedOf(stockLedger);
    expect(() => load('order_id=x', stock)).toThrow('where the columns are article_id, on_hand, ');
    expect(load('on_hand=pieces', stock).values.columns).toEqual(['on_hand=pieces']);
  });

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
