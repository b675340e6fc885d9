import { describe, expect, it } from 'vitest';
import { listByDelivery, listView } from '../../../src/adapters/mysql/view-listing.ts';
import type { ViewLayout } from '../../../src/adapters/mysql/view-state.ts';
import { viewValue } from '../../../src/adapters/mysql/view-table.ts';
import type { ViewColumn } from '../../../src/core/domain.ts';
import type { ViewPage } from '../../../src/ports/view-rows.ts';
import { scriptedConnection } from './scripted-connection.ts';

const COLUMNS: readonly ViewColumn[] = [
  { name: 'status', type: 'text' },
  { name: 'count', type: 'integer' },
  { name: 'paid_at', type: 'timestamp' },
];

const layout = {
  view: { table: 'orders', keyColumn: 'order_id', columns: COLUMNS },
  selected: () => COLUMNS.map(({ name }) => name),
} as unknown as ViewLayout;

/** Lists a page of a view with these ids, of which the page may look at those up to `end`. */
async function listed(ids: readonly string[], page: Partial<ViewPage> = {}, end: string | null = null) {
  const { connection, asked } = scriptedConnection((sql) =>
    sql.startsWith('SELECT c0 FROM')
      ? end === null
        ? []
        : [[Buffer.from(end)]]
      : ids.map((id) => [Buffer.from(id), Buffer.from('OPEN'), 3, null, 7]),
  );
  const found = await listView(connection, layout, {
    conditions: [],
    after: null,
    limit: 2,
    scan: 100,
    ...page,
  });
  return { ...found, asked };
}

const idsOf = ({ rows }: { readonly rows: readonly { readonly entityId: string }[] }) =>
  rows.map(({ entityId }) => entityId);

describe('a page of the view', () => {
  it('goes on behind its last row if there is one more, and ends without it', async () => {
    const more = await listed(['a', 'b', 'c']);
    expect([idsOf(more), more.next]).toEqual([['a', 'b'], 'b']);
    const last = await listed(['a', 'b']);
    expect([idsOf(last), last.next]).toEqual([['a', 'b'], null]);
    expect(last.rows[0]).toEqual({ entityId: 'a', row: ['OPEN', 3, null], version: 7 });
    expect(last.asked[0]?.sql).toContain('LIMIT 3');
    expect(last.asked[0]?.values).toEqual(['']);
  });

  it('with conditions looks no further than the scan, and goes on there', async () => {
    const conditions = [{ columns: ['status'], value: 'OPEN' }];
    const found = await listed(['b'], { conditions, after: 'a' }, 'm');
    expect([idsOf(found), found.next]).toEqual([['b'], 'm']);
    expect(found.asked.map(({ values }) => values)).toEqual([['a'], ['a', 'm', 'OPEN']]);
    expect(found.asked[0]?.sql).toContain('LIMIT 99, 1');
    expect(found.asked[1]?.sql).toContain('AND `order_id` <= ?');
  });

  it('compares each value in the way of its column, and a missing one by IS NULL', async () => {
    const conditions = [
      { columns: ['status', 'count'], value: null },
      { columns: ['status'], value: 'OPEN ' },
      { columns: ['count'], value: 3 },
      { columns: ['paid_at'], value: '2026-01-01T00:00:00.000000Z' },
      { columns: [], value: 'x' },
    ];
    const { asked } = await listed([], { conditions });
    expect(asked[1]?.sql).toContain(
      'AND (`status` IS NULL OR `count` IS NULL) AND (HEX(`status`) = HEX(?)) AND (`count` = ?) ' +
        'AND (`paid_at` = CAST(? AS DATETIME(6))) AND (FALSE)',
    );
    expect(asked[1]?.values).toEqual(['', 'OPEN ', 3, '2026-01-01T00:00:00.000000']);
  });
});

describe('a page of the ledger', () => {
  const page = { target: 'crm', kind: 'dead', after: null, limit: 2, scan: 3 } as const;

  it('comes from the index of due rows if it has few, sorted and behind the one before', async () => {
    const { connection, asked } = scriptedConnection(() => ['d', 'a', 'b'].map((id) => [Buffer.from(id)]));
    expect(await listByDelivery(connection, page)).toEqual({ entityIds: ['a', 'b'], next: 'b' });
    expect(await listByDelivery(connection, { ...page, after: 'b' })).toEqual({
      entityIds: ['d'],
      next: null,
    });
    expect(asked[0]?.sql).toContain('deliveries_by_next_attempt');
    expect(asked[0]?.sql).toContain('LIMIT 4');
  });

  it.each([
    ['owed', "status <> 'delivered'"],
    ['dead', "status = 'dead'"],
    ['in_flight', "status = 'pending'"],
    ['delivered', "status = 'delivered'"],
  ] as const)(
    'the ids of %s deliveries come from the ledger if the index has many',
    async (kind, condition) => {
      const { connection, asked } = scriptedConnection((sql) => {
        if (sql.includes('by_next_attempt')) return ['a', 'b', 'c', 'd'].map((id) => [Buffer.from(id)]);
        return sql.includes(' AND status ') ? [[Buffer.from('a')]] : [[Buffer.from('m')]];
      });
      expect(await listByDelivery(connection, { ...page, kind })).toEqual({ entityIds: ['a'], next: 'm' });
      const { sql = '', values = [] } = asked.at(-1) ?? {};
      expect(sql).toContain(`AND ${condition} ORDER BY entity_id LIMIT 3`);
      expect(values).toEqual(['crm', Buffer.from(''), Buffer.from('m')]);
    },
  );
});

describe('a value of the view', () => {
  it.each<[ViewColumn, unknown, unknown]>([
    [{ name: 'a', type: 'boolean' }, 0, false],
    [{ name: 'a', type: 'boolean' }, 1, true],
    [{ name: 'a', type: 'boolean' }, null, null],
    [{ name: 'a', type: 'integer' }, '12', 12],
    [{ name: 'a', type: 'text' }, Buffer.from('\u00e9'), '\u00e9'],
    [{ name: 'a', type: 'decimal', precision: 5, scale: 2 }, '1.50', '1.50'],
    [{ name: 'a', type: 'timestamp' }, '2026-11-30 07:46:58.5', '2026-11-30T07:46:58.500000Z'],
    [{ name: 'a', type: 'timestamp' }, '2026-11-30 07:46:58', '2026-11-30T07:46:58.000000Z'],
    [{ name: 'a', type: 'timestamp' }, '2026-11-30', '2026-11-30T00:00:00.000000Z'],
    [{ name: 'a', type: 'json' }, '{"a":1}', '{"a":1}'],
  ])('viewValue reads of the column %j the value %j as %j', (column, stored, value) => {
    expect(viewValue(column, stored)).toEqual(value);
  });
});
