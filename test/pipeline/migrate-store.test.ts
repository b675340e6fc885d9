import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../examples/stock-ledger/domain.ts';
import { orders } from '../../src/orders/index.ts';
import { migrateStore, type StoreMigration } from '../../src/pipeline/migrate-store.ts';
import type { MigrationOptions, MigrationReport } from '../../src/ports/migration.ts';
import type { OpenedStore, Store } from '../../src/ports/store.ts';
import type { ViewState } from '../../src/ports/view-rebuild.ts';

const NOW_MS = 1_700_000_000_000;
const NOTHING_DONE: MigrationReport = {
  fromVersion: 7,
  toVersion: 7,
  adoptedRows: 0,
  viewIsEmpty: false,
  notes: [],
};

/** Migrates a store that reports this, and whose rows were made by this fold. */
async function migrating<State, Event>(
  domain: StoreMigration<State, Event>['domain'],
  report: Partial<MigrationReport> = {},
  parts: Partial<StoreMigration<State, Event>> & { readonly rowsFold?: number } = {},
) {
  const { rowsFold = 1, ...options } = parts;
  const asked: MigrationOptions[] = [];
  const logged: string[] = [];
  const viewState = async () =>
    ({ foldVersion: rowsFold, awaitedFold: null, columns: domain.view.columns }) as unknown as ViewState;
  const migrated = { store: { viewState } as Store, report: { ...NOTHING_DONE, ...report } };
  const store = {
    async migrate(of: MigrationOptions) {
      asked.push(of);
      return migrated;
    },
  } as unknown as OpenedStore;
  const given = await migrateStore({
    domain,
    store,
    targets: ['crm', 'mgt'],
    clock: { now: () => NOW_MS } as StoreMigration<State, Event>['clock'],
    logger: (level, message) => logged.push(`${level}: ${message}`),
    ...options,
  });
  expect(given).toBe(migrated);
  return { asked: asked[0] as MigrationOptions, logged };
}

describe('the migration of a store', () => {
  it('gives the store the shape of the view, the fold and the targets', async () => {
    const { asked, logged } = await migrating({ ...orders, foldVersion: 3 }, {}, { rowsFold: 3 });
    const { table, keyColumn, columns } = orders.view;
    expect(asked).toEqual({
      view: { table, keyColumn, columns },
      foldVersion: 3,
      targets: ['crm', 'mgt'],
      adopt: expect.any(Function),
      nowMs: NOW_MS,
      asCommand: false,
    });
    expect(logged).toEqual([]);
  });

  it('takes over rows of another program at the time of the migration', async () => {
    const { asked } = await migrating(orders);
    const adopted = asked.adopt?.('order123', ['CREATED', null, null, false]);
    expect(adopted).toMatchObject({ row: ['CREATED', null, null, false], delivery: 'none' });
    expect(adopted?.events.map(({ observedAtMs }) => observedAtMs)).toEqual([NOW_MS]);
  });

  it('takes over no rows for a domain that has no adoption, whose fold has number 1', async () => {
    const { asked } = await migrating(stockLedger);
    expect(asked).toMatchObject({ adopt: null, foldVersion: 1 });
  });

  it('says whether an administrator gave the command', async () => {
    expect((await migrating(orders, {}, { asCommand: true })).asked.asCommand).toBe(true);
  });

  it('refuses rows of a newer fold, unless it is told to go on', async () => {
    await expect(migrating(orders, {}, { rowsFold: 99 })).rejects.toMatchObject({ code: 'fold_outdated' });
    const { logged } = await migrating(orders, {}, { rowsFold: 99, allowsOutdated: true });
    expect(logged).toEqual([]);
  });

  it.each<[string, Partial<MigrationReport>, string[]]>([
    ['a newer schema', { fromVersion: 0 }, ['info: Schema brought from version 0 to 7']],
    ['adopted rows', { adoptedRows: 1 }, ['info: Took over 1 rows of orders that were there before']],
    ['notes', { notes: ['One.', 'Two.'] }, ['warn: One.', 'warn: Two.']],
    [
      'a table that was missing',
      { viewIsEmpty: true },
      ['warn: The table orders was missing: it was made anew, and its rows are made from the journal.'],
    ],
  ])('logs %s', async (_, report, lines) => {
    expect((await migrating(orders, report)).logged).toEqual(lines);
  });
});
