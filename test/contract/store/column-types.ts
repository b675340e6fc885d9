import { afterEach, describe, expect, it } from 'vitest';
import type { ViewColumn, ViewRow, ViewValue } from '../../../src/core/domain.ts';
import { jsonText, valueFault } from '../../../src/core/view-values.ts';
import type { MigrationOptions } from '../../../src/ports/migration.ts';
import type { Store } from '../../../src/ports/store.ts';
import { holdsInTime } from '../../helpers/properties.ts';
import { anyRows } from './column-values.ts';
import { claimDue, LEASE_MS } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  parcelMigration,
  SettableClock,
  type StoreHarness,
  TARGET,
  TARGETS,
} from './fixtures.ts';

const COLUMNS: readonly ViewColumn[] = [
  { name: 'place', type: 'text' },
  { name: 'is_fragile', type: 'boolean' },
  { name: 'weight_grams', type: 'integer' },
  { name: 'price', type: 'decimal', precision: 12, scale: 2 },
  { name: 'largest', type: 'decimal', precision: 65, scale: 30 },
  { name: 'units', type: 'decimal', precision: 18, scale: 0 },
  { name: 'arrived_at', type: 'timestamp' },
  { name: 'contents', type: 'json' },
];

/** A row with this value in its column, and others in the rest. */
function rowWith(name: string, value: ViewValue): ViewRow {
  const rest: Readonly<Record<string, ViewValue>> = {
    place: 'Oslo ',
    is_fragile: true,
    weight_grams: 7,
    price: '12.30',
    largest: null,
    units: '1',
    arrived_at: '2026-11-30T07:46:58.120000Z',
    contents: '{"a":1}',
  };
  return COLUMNS.map((column) => (column.name === name ? value : (rest[column.name] ?? null)));
}

const NINES = `${'9'.repeat(35)}.${'9'.repeat(30)}`;
const DEEP = `${'['.repeat(64)}${']'.repeat(64)}`;

/** Values that a server may round, pad, normalise, convert or refuse. */
const VALUES: readonly (readonly [column: string, value: ViewValue])[] = [
  ['price', '0.00'],
  ['price', '-0.01'],
  ['price', '12.30'],
  ['price', '9999999999.99'],
  ['price', '-9999999999.99'],
  ['price', '0.10'],
  ['price', null],
  ['largest', NINES],
  ['largest', `-${NINES}`],
  ['largest', `0.${'0'.repeat(29)}1`],
  ['units', '999999999999999999'],
  ['units', '9007199254740993'],
  ['units', '-1'],
  ['arrived_at', '0001-01-01T00:00:00.000000Z'],
  ['arrived_at', '9999-12-31T23:59:59.999999Z'],
  ['arrived_at', '2026-11-30T00:00:00.000000Z'],
  ['arrived_at', '2026-11-30T07:46:58.000000Z'],
  ['arrived_at', '2026-11-30T07:46:58.000001Z'],
  ['arrived_at', '2026-11-30T07:46:58.100000Z'],
  ['arrived_at', '1969-12-31T23:59:59.999999Z'],
  ['arrived_at', '2038-01-19T03:14:08.000000Z'],
  ['arrived_at', '2016-12-31T23:59:59.999999Z'],
  ['arrived_at', '2026-03-29T02:30:00.000000Z'],
  ['arrived_at', null],
  ['contents', '{"a":{"b":{},"c":[]},"bb":1}'],
  ['contents', '{"big":12345678901234567890,"tiny":1e-7,"wholes":[1,-1]}'],
  ['contents', '[1.5,0,-1,100000000000000000000,9007199254740993]'],
  ['contents', '"a text with 😀, \\u0000, \\n and \\" and ends with blanks  "'],
  ['contents', '{"-":3,"10":1,"9":2}'],
  ['contents', DEEP],
  ['contents', 'true'],
  ['contents', '""'],
  ['contents', JSON.stringify('x'.repeat(60_000))],
  ['contents', null],
];

/** Tests that every type of column gives back exactly the value that was written, wherever a row is read. */
export function describeColumnTypes(harness: StoreHarness): void {
  /** Without the right to make tables, nobody makes another view. */
  describe.skipIf(harness.canMakeTables === false)('the columns of the view', () => {
    const clock = new SettableClock();
    const settings = { clock, targets: TARGETS };
    afterEach(() => harness.cleanup());

    const options = (columns: readonly ViewColumn[] = COLUMNS): MigrationOptions => {
      const { view, ...rest } = parcelMigration(clock);
      return { ...rest, view: { ...view, columns } };
    };
    const open = async (): Promise<Store> => (await (await harness.open(settings)).migrate(options())).store;
    const again = async (): Promise<Store> =>
      (await (await harness.openAgain(settings)).migrate(options())).store;

    it('every way to read a row gives exactly the values that were written', async () => {
      const store = await open();
      const rows = VALUES.map(([name, value], index) => ({
        entityId: `parcel-${String(index).padStart(2, '0')}`,
        row: rowWith(name, value),
      }));
      for (const { row } of rows)
        for (const [index, value] of row.entries())
          if (value !== null) expect(valueFault(COLUMNS[index] as ViewColumn, value)).toBeNull();
      await commitChanges(
        store,
        ...rows.map(({ entityId, row }) => change(entityId, 0, { row, delivery: DUE })),
      );
      const ids = rows.map(({ entityId }) => entityId);
      const expected = rows.map(({ entityId, row }) => [entityId, { row, version: 1 }]);

      expect([...(await store.readView(ids))].sort()).toEqual(expected);
      const listed = await store.listView({ conditions: [], after: null, limit: 100, scan: 1_000 });
      expect(listed.rows).toEqual(rows.map((row) => ({ ...row, version: 1 })));
      const read = await store.readEntities(ids, 10);
      expect(read.map(({ entityId, row }) => [entityId, row])).toEqual(expected);
      const claimed = await claimDue(store, {
        target: TARGET,
        claimant: 'claimant',
        limit: 100,
        leaseMs: LEASE_MS,
      });
      expect(claimed.map(({ entityId, row }) => [entityId, row]).sort()).toEqual(
        rows.map(({ entityId, row }) => [entityId, row]),
      );
      expect([...(await (await again()).readView(ids))].sort()).toEqual(expected);
    });

    it('a later change replaces the value of each type', async () => {
      const store = await open();
      await commitChanges(store, change('parcel', 0, { row: rowWith('price', '1.00') }));
      const row = [
        'Bergen',
        false,
        -1,
        '-2.50',
        '0.5'.padEnd(32, '0'),
        '0',
        '2027-01-01T00:00:00.000000Z',
        '[2]',
      ];
      await commitChanges(store, change('parcel', 1, { row }));
      expect(await store.readView(['parcel'])).toEqual(new Map([['parcel', { row, version: 2 }]]));
      const locking = { ...change('parcel', 2, { row: rowWith('contents', '[3]') }) };
      await store.commit({
        moves: [],
        quarantined: [],
        entityIds: ['parcel'],
        mode: 'locking',
        plan: async () => [locking],
      });
      expect((await store.readView(['parcel'])).get('parcel')?.row).toEqual(rowWith('contents', '[3]'));
    });

    it.each([
      ['price', '9999999999.99', '9999999999.98'],
      ['largest', `0.${'0'.repeat(29)}1`, `0.${'0'.repeat(29)}2`],
      ['units', '9007199254740993', '9007199254740992'],
      ['arrived_at', '2026-11-30T07:46:58.000001Z', '2026-11-30T07:46:58.000002Z'],
      ['contents', '{"n":12345678901234567890}', '{"n":12345678901234567891}'],
      ['contents', '"a"', '"A"'],
    ])('a condition on %s finds %s, and not its neighbour', async (name, value, neighbour) => {
      const store = await open();
      await commitChanges(
        store,
        change('a', 0, { row: rowWith(name, neighbour) }),
        change('b', 0, { row: rowWith(name, value) }),
      );
      const page = { conditions: [{ columns: [name], value }], after: null, limit: 10, scan: 100 };
      expect((await store.listView(page)).rows.map(({ entityId }) => entityId)).toEqual(['b']);
    });

    it('a rebuild gives rows a new column of each type, and tells rows that differ in one from equal ones', async () => {
      const few = COLUMNS.slice(0, 3);
      const old = (await (await harness.open(settings)).migrate(options(few))).store;
      await commitChanges(old, ...['a', 'b'].map((id) => change(id, 0, { row: ['Oslo', true, 7] })));
      const opened = await harness.openAgain(settings);
      const { store } = await opened.migrate({ ...options(), foldVersion: 2 });
      // Until the exchange the new columns are null.
      expect((await store.readView(['a'])).get('a')?.row).toEqual([
        'Oslo',
        true,
        7,
        null,
        null,
        null,
        null,
        null,
      ]);

      await store.beginRebuild({ rebuildId: 'rebuild-1', foldVersion: 2, columns: COLUMNS });
      const rows = new Map<string, ViewRow>([
        ['a', rowWith('largest', NINES).with(0, 'Oslo')],
        ['b', rowWith('contents', DEEP).with(0, 'Bergen')],
      ]);
      const write = [...rows].map(([entityId, row]) => ({ entityId, row, version: 1 }));
      await store.writeRebuilt({ rebuildId: 'rebuild-1', epoch: null, rows: write });
      const compared = await store.compareRows('rebuilt', { after: null, limit: 100 });
      expect(compared.equal).toBe(1);
      expect(compared.differences).toEqual([
        {
          entityId: 'b',
          before: { row: ['Oslo', true, 7], version: 1 },
          after: { row: rows.get('b'), version: 1 },
        },
      ]);
      const epoch = (await store.beginSwitch('rebuild-1')) ?? 0;
      await store.exchange({ rebuildId: 'rebuild-1', epoch, waitSeconds: 2 });
      await store.endSettling('rebuild-1');
      await store.dropFormer();
      const after = (await (await harness.openAgain(settings)).migrate({ ...options(), foldVersion: 2 }))
        .store;
      expect(await after.readView(['a', 'b'])).toEqual(
        new Map([...rows].map(([id, row]) => [id, { row, version: 1 }])),
      );
      expect(await after.viewState()).toMatchObject({ columns: COLUMNS, phase: 'steady' });
    });

    it('an entity that cannot be folded keeps its columns, and a new flag is false while others are null', async () => {
      const few = COLUMNS.filter(({ type }) => type !== 'boolean' && type !== 'decimal');
      const { store } = await (await harness.open(settings)).migrate(options(few));
      const row = rowWith('weight_grams', 7);
      const kept = COLUMNS.map((column, index) => (few.includes(column) ? row[index] : undefined));
      await commitChanges(store, change('a', 0, { row: kept.filter((value) => value !== undefined) }));
      await store.beginRebuild({ rebuildId: 'rebuild-1', foldVersion: 2, columns: COLUMNS });
      const rows = [{ entityId: 'a', row: null, version: 1 }];
      expect(await store.writeRebuilt({ rebuildId: 'rebuild-1', epoch: null, rows })).toBe(true);
      const { differences } = await store.compareRows('rebuilt', { after: null, limit: 10 });
      expect(differences).toEqual([]);
      const epoch = (await store.beginSwitch('rebuild-1')) ?? 0;
      expect(await store.writeRebuilt({ rebuildId: 'rebuild-1', epoch, rows })).toBe(true);
      await store.exchange({ rebuildId: 'rebuild-1', epoch, waitSeconds: 2 });
      const wider = (await (await harness.openAgain(settings)).migrate({ ...options(), foldVersion: 2 }))
        .store;
      const expected = COLUMNS.map(({ type }, index) => kept[index] ?? (type === 'boolean' ? false : null));
      expect(await wider.readView(['a'])).toEqual(new Map([['a', { row: expected, version: 1 }]]));
    });

    it('compares the values of equal columns of both tables exactly', async () => {
      const store = await open();
      const pairs = VALUES.filter(([, value]) => value !== null);
      await commitChanges(
        store,
        ...pairs.map(([name, value], index) => change(`parcel-${index}`, 0, { row: rowWith(name, value) })),
      );
      await store.beginRebuild({ rebuildId: 'rebuild-1', foldVersion: 2, columns: COLUMNS });
      const rows = pairs.map(([name, value], index) => ({
        entityId: `parcel-${index}`,
        version: 1,
        row: index % 2 === 0 ? rowWith(name, value) : rowWith(name, neighbourOf(name, value)),
      }));
      await store.writeRebuilt({ rebuildId: 'rebuild-1', epoch: null, rows });
      const { equal, differences } = await store.compareRows('rebuilt', { after: null, limit: 100 });
      expect(equal).toBe(Math.ceil(pairs.length / 2));
      const odd = rows.filter((_, index) => index % 2 === 1).map(({ entityId }) => entityId);
      expect(differences.map(({ entityId }) => entityId).sort()).toEqual(odd.sort());
      for (const { entityId, after } of differences)
        expect(after?.row).toEqual(rows.find((one) => one.entityId === entityId)?.row);
    });

    it.skipIf(harness.isSimulated)(
      "another program's table with such columns is taken over exactly",
      async () => {
        const opened = await harness.open(settings);
        const isSqlite = await harness.rawQuery('SELECT sqlite_version()').then(
          () => true,
          () => false,
        );
        // A decimal column of SQLite holds floating-point numbers.
        const types = isSqlite
          ? ['TEXT', 'TEXT', 'BIGINT', 'DATETIME', 'TEXT']
          : ['DECIMAL(20,4)', 'DECIMAL(65,30)', 'BIGINT', 'DATETIME(3)', 'JSON'];
        const columns = ['price', 'largest', 'units', 'arrived_at', 'contents'];
        await harness.rawQuery(
          'CREATE TABLE parcels (parcel_id VARCHAR(50) PRIMARY KEY, place VARCHAR(50), is_fragile BOOLEAN, ' +
            `weight_grams BIGINT, ${columns.map((name, index) => `${name} ${types[index]}`).join(', ')})`,
        );
        await harness.rawQuery(
          `INSERT INTO parcels VALUES ('a', 'Oslo', 1, 7, '12.3000', '${NINES}', 9007199254740993, ` +
            `'2026-11-30 07:46:58.120', '{"b": [1, 1.5], "a": "é"}'), ('b', NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL)`,
        );
        const adopt = (_: string, row: ViewRow) => ({ events: [], row, delivery: 'none' }) as const;
        const { store, report } = await opened.migrate({ ...options(), adopt });
        expect(report.adoptedRows).toBe(2);
        const rows = await store.readView(['a', 'b']);
        expect(rows.get('a')?.row).toEqual([
          'Oslo',
          true,
          7,
          '12.30',
          NINES,
          '9007199254740993',
          '2026-11-30T07:46:58.120000Z',
          '{"a":"é","b":[1,1.5]}',
        ]);
        expect(rows.get('b')?.row).toEqual([null, false, null, null, null, null, null, null]);
      },
    );

    it.skipIf(harness.isSimulated)(
      "another program's value that would lose digits is named, not rounded",
      async () => {
        const opened = await harness.open(settings);
        await harness.rawQuery(
          'CREATE TABLE parcels (parcel_id VARCHAR(50) PRIMARY KEY, place VARCHAR(50), is_fragile BOOLEAN, ' +
            'weight_grams BIGINT, price VARCHAR(50), largest VARCHAR(80), units BIGINT, arrived_at VARCHAR(50), contents VARCHAR(90))',
        );
        await harness.rawQuery(
          "INSERT INTO parcels VALUES ('a', NULL, 0, NULL, '12.345', NULL, NULL, 'yesterday', '{')",
        );
        const adopt = (_: string, row: ViewRow) => ({ events: [], row, delivery: 'none' }) as const;
        const { findings } = await opened.examineView({ ...options(), adopt });
        expect(findings.map(({ code }) => code)).toEqual(['value_type', 'value_type', 'value_type']);
        expect(findings[0]?.problem).toContain('price): "12.345"');
      },
    );

    it('any values come back as they were written', async () => {
      const store = await open();
      let count = 0;
      await holdsInTime(
        anyRows(async (rows) => {
          const named = rows.map((row) => [`any-${++count}`, row] as const);
          await commitChanges(store, ...named.map(([entityId, row]) => change(entityId, 0, { row })));
          const read = await store.readView(named.map(([entityId]) => entityId));
          expect(named.map(([entityId]) => read.get(entityId)?.row)).toEqual(rows);
        }),
        12,
      );
    });
  });
}

/** The smallest other value. */
function neighbourOf(name: string, value: ViewValue): ViewValue {
  const text = String(value);
  if (name === 'contents') return jsonText([text]);
  const digit = name === 'arrived_at' ? text.length - 2 : text.length - 1;
  const other = text[digit] === '1' ? '2' : '1';
  return text.slice(0, digit) + other + text.slice(digit + 1);
}
