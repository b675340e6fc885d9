import { describe, expect, it, vi } from 'vitest';
import { OtherOrders } from '../../console/src/pages/orders/other-orders.ts';
import { longestWords } from '../../console/src/pages/orders/statuses.ts';
import { type TableColumn, widthOfIds, widthsOf } from '../../console/src/parts/table-columns.ts';

describe('widthsOf', () => {
  const column = (header: string, more: Partial<TableColumn<never>> = {}): TableColumn<never> => ({
    id: header,
    header,
    cell: () => header,
    ...more,
  });

  it('gives each column a part by its kind, its header or its own width, with the padding', () => {
    const columns = [
      column('Order', { isName: true }),
      column('Last answer', { isWide: true }),
      column('payment status'),
      column('Due', { width: 12 }),
    ];
    expect(widthsOf(columns, false)).toEqual({
      '--columns': 'minmax(0, 25.5fr) minmax(0, 31.5fr) minmax(0, 17.5fr) minmax(0, 15.5fr)',
      '--least-width': '594px',
    });
  });

  it('adds a column of fixed width for the boxes by which rows are chosen', () => {
    expect(widthsOf([column('version')], true)).toEqual({
      '--columns': '44px minmax(0, 11.5fr)',
      '--least-width': '120px',
    });
  });
});

describe('widthOfIds', () => {
  it('fits the longest id between the least width and the one that the page allows', () => {
    expect(widthOfIds([], 40)).toBe(22);
    expect(widthOfIds(['a', 'x'.repeat(30)], 40)).toBe(33);
    expect(widthOfIds(['x'.repeat(255)], 40)).toBe(40);
  });
});

describe('longestWords', () => {
  it('returns the length of the longest status in words, and 0 for a column without statuses', () => {
    expect(longestWords('payment_status')).toBe('Authorised, review pending'.length);
    expect(longestWords('ready_to_send')).toBe(0);
  });
});

describe('OtherOrders', () => {
  it('counts an order once, and those without an id on top', () => {
    const others = new OtherOrders();
    others.add(['a', 'b'], 0);
    others.add(['b', 'c'], 0);
    expect(others.count()).toBe(3);
    others.add([], 40);
    expect(others.count()).toBe(43);
  });

  it('tells its watchers of another count only', () => {
    const others = new OtherOrders();
    const watcher = vi.fn();
    const end = others.onChange(watcher);
    others.add(['a'], 0);
    others.add(['a'], 0);
    expect(watcher).toHaveBeenCalledTimes(1);
    others.forget();
    expect(watcher).toHaveBeenCalledTimes(2);
    expect(others.count()).toBe(0);
    end();
    others.add(['a'], 0);
    expect(watcher).toHaveBeenCalledTimes(2);
  });
});
