// Runs the same batches by different paths, each into a store of its own, and compares what the stores have.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { Domain } from '../../../src/core/domain.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { compareUtf8 } from '../../../src/core/text.ts';
import type { DecodedEvent } from '../../../src/pipeline/decode/decoder.ts';
import type { BatchTally } from '../../../src/pipeline/ingest/options.ts';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import type { Store } from '../../../src/ports/store.ts';
import { holdsInTime } from '../../helpers/properties.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import { wrap } from './harness.ts';
import { decoded, LongDriver, SMALL_LIMITS } from './long-driver.ts';
import { PlainHistories } from './long-histories.ts';

const TARGET = 'warehouse';
/** The fold throws at this quantity, so that its article is parked. */
const POISON = 313;
const ARTICLES = ['bolt', 'nut', 'A1', 'a1'];

type Batch = readonly DecodedEvent<StockEvent>[];
/** Resolves with null if nobody knows the counts. */
type Commit = (batch: Batch) => Promise<BatchTally | null>;

type StockDomain = Domain<StockState, StockEvent>;

const poisoned: StockDomain = {
  ...stockLedger,
  evolve(state, event) {
    if (event.body.quantity === POISON) throw new Error('no 313');
    return stockLedger.evolve(state, event);
  },
};

/** Its fold throws unless a count comes right before the poison, so that a late count heals an article. */
const healing: StockDomain = {
  ...stockLedger,
  evolve(state, event) {
    if (event.body.quantity === POISON && state.movementsSinceCount > 0) throw new Error('no 313 here');
    return stockLedger.evolve(state, event);
  },
};
/** An instance does not hear that another one has parked an article, and folds it first. */
const BY_TURNS = 'in two processes by turns';

/** The paths of a batch. All of them get the same batches. */
const PATHS: Readonly<Record<string, (store: Store, domain: StockDomain) => Commit>> = {
  'optimistic, with histories from the cache': (store, domain) => {
    const driver = new LongDriver(store, { domain });
    return (batch) => driver.commit(batch);
  },
  locking: (store, domain) => {
    const driver = new LongDriver(store, { domain });
    return (batch) => driver.commit(batch, 'locking');
  },
  'with histories read each time': (store, domain) => {
    const driver = new LongDriver(store, { domain, cacheEvents: 0 });
    return (batch) => driver.commit(batch);
  },
  'with entities taken for new': (store, domain) => {
    const driver = new LongDriver(store, { domain, cacheEvents: 6, assumesNew: true });
    return (batch) => driver.commit(batch);
  },
  'in a process that has just started': (store, domain) => async (batch) => {
    const driver = new LongDriver(store, { domain });
    await driver.loadParked();
    return driver.commit(batch);
  },
  [BY_TURNS]: (store, domain) => {
    const drivers = [new LongDriver(store, { domain }), new LongDriver(store, { domain })];
    return (batch) => {
      const driver = drivers.shift() as LongDriver;
      drivers.push(driver);
      return driver.commit(batch);
    };
  },
  'rolled back at first': (store, domain) => {
    const failing = new FailingCommits(store);
    const driver = new LongDriver(failing.store, { domain });
    return async (batch) => {
      for (const how of ['before the plan', 'after the plan'] as const) {
        failing.fails = how;
        await expect(driver.commit(batch)).rejects.toThrow('It was down');
      }
      failing.fails = null;
      return driver.commit(batch);
    };
  },
  'with every second answer of COMMIT lost': (store, domain) => {
    const failing = new FailingCommits(store);
    let driver = new LongDriver(failing.store, { domain });
    let turn = 0;
    return async (batch) => {
      if (turn++ % 2 === 0) return driver.commit(batch);
      failing.fails = 'after COMMIT';
      await expect(driver.commit(batch)).rejects.toThrow('It was down');
      failing.fails = null;
      // The checkpoints tell that the batch is stored. The instance forgets what it knows, and reads on behind it.
      driver = new LongDriver(failing.store, { domain });
      await driver.loadParked();
      return null;
    };
  },
  'with long histories': (store, domain) => {
    const driver = new LongDriver(store, { domain, limits: SMALL_LIMITS });
    return (batch) => driver.commit(batch);
  },
  'with long histories that are locked': (store, domain) => {
    const driver = new LongDriver(store, { domain, limits: SMALL_LIMITS, cacheEvents: 8 });
    return (batch) => driver.commit(batch, 'locking');
  },
  'with long histories after a start': (store, domain) => async (batch) => {
    const driver = new LongDriver(store, { domain, limits: SMALL_LIMITS });
    await driver.loadParked();
    return driver.commit(batch);
  },
};

/** A store whose commits fail when they are told to. */
class FailingCommits {
  fails: 'before the plan' | 'after the plan' | 'after COMMIT' | null = null;
  readonly store: Store;

  constructor(store: Store) {
    const down = () => new TributaryError('store_unreachable', 'It was down.');
    const commit = async (batch: IngestBatch) => {
      if (this.fails === 'before the plan') throw down();
      const outcome = await store.commit({
        ...batch,
        plan: async (versions, readJournals) => {
          const changes = await batch.plan(versions, readJournals);
          if (this.fails === 'after the plan') throw down();
          return changes;
        },
      });
      if (this.fails === 'after COMMIT' && outcome.kind === 'committed') throw down();
      return outcome;
    };
    this.store = wrap(store, { commit });
  }
}

const entries = fc
  .record({
    articleId: fc.constantFrom(...ARTICLES),
    minute: fc.integer({ min: 0, max: 15 }),
    quantity: fc.oneof(
      { weight: 25, arbitrary: fc.integer({ min: -4, max: 9 }) },
      { weight: 1, arbitrary: fc.constant(POISON) },
    ),
    isCount: fc.constantFrom(false, false, false, true),
    /** Only a few ids, so that one of them comes with different bodies. */
    eventId: fc.option(fc.constantFrom('a', 'b'), { nil: undefined, freq: 4 }),
  })
  .map((entry) => (entry.isCount ? { ...entry, quantity: Math.abs(entry.quantity) } : entry));

type Drawn = readonly {
  readonly articleId: string;
  readonly minute: number;
  readonly quantity: number;
  readonly isCount: boolean;
  readonly eventId: string | undefined;
}[];

const batches: fc.Arbitrary<Drawn[]> = fc.array(fc.array(entries, { minLength: 1, maxLength: 7 }), {
  minLength: 1,
  maxLength: 7,
});

/** What a store has of these articles. */
interface Stored {
  /** The rows of the articles that are not parked. */
  readonly rows: ReadonlyMap<string, unknown>;
  /** Those of all. A parked one keeps the columns that it had, which the batches decide. */
  readonly columns: ReadonlyMap<string, unknown>;
  readonly versions: ReadonlyMap<string, number>;
  readonly identities: ReadonlyMap<string, readonly string[]>;
  readonly parked: readonly string[];
  readonly due: ReadonlyMap<string, number>;
}

async function storedIn(store: Store, ids: readonly string[]): Promise<Stored> {
  const parked = (await store.listParked({ after: null, limit: 10_000 }))
    .map(({ entityId }) => entityId)
    .filter((entityId) => ids.includes(entityId));
  const view = await store.readView(ids);
  const journals = await store.readJournals(ids);
  const due = new Map<string, number>();
  for (const entityId of ids) {
    const delivery = await store.readDelivery(TARGET, entityId);
    if (delivery !== null) due.set(entityId, delivery.dueVersion);
  }
  return {
    rows: new Map([...view].filter(([id]) => !parked.includes(id)).map(([id, { row }]) => [id, row])),
    columns: new Map([...view].map(([id, { row }]) => [id, row])),
    versions: new Map([...view].map(([id, { version }]) => [id, version])),
    identities: new Map(
      [...journals].map(([id, journal]) => [
        id,
        journal.map(({ eventId, contentHash }) => `${eventId} ${contentHash}`),
      ]),
    ),
    parked,
    due,
  };
}

describe('the paths of a batch', () => {
  const stores = new Map<string, Store>();
  let folder = '';
  let run = 0;

  beforeAll(async () => {
    // Nothing here outlives the test, so it need not be on a disk.
    folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tributary-pairs-'));
    for (const name of [...Object.keys(PATHS), 'singly', 'at once']) {
      const file = join(folder, `${stores.size}.sqlite`);
      const { table, keyColumn, columns } = stockLedger.view;
      const options = { view: { table, keyColumn, columns }, targets: [TARGET], adopt: null, nowMs: 0 };
      const opened = openSqliteStore({ file, clock: systemClock, targets: [TARGET] });
      stores.set(name, (await opened.migrate(options)).store);
    }
  });
  afterAll(async () => {
    for (const store of stores.values()) await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const storeOf = (name: string) => stores.get(name) as Store;

  /** The batches as events of articles that no run before had. */
  function eventsOf(drawn: readonly Drawn[]): { readonly batches: Batch[]; readonly ids: string[] } {
    const suffix = ++run;
    return {
      batches: drawn.map((batch) =>
        batch.map(({ eventId, ...entry }) =>
          decoded({ ...entry, articleId: `${entry.articleId} ${suffix}` }, eventId),
        ),
      ),
      ids: ARTICLES.map((article) => `${article} ${suffix}`).sort(compareUtf8),
    };
  }

  /** The rows by the definition; an article that cannot be folded has none here. */
  function expectedOf(all: readonly Batch[]) {
    const plain = new PlainHistories();
    for (const batch of all) plain.add(batch);
    const poisoned = new Set(
      all.flat().flatMap(({ entityId, event }) => (event.body.quantity === POISON ? [entityId] : [])),
    );
    const view = plain.view();
    return {
      versions: new Map([...view].map(([id, { version }]) => [id, version])),
      rows: new Map([...view].filter(([id]) => !poisoned.has(id)).map(([id, { row }]) => [id, row])),
      parked: [...poisoned].sort(compareUtf8),
    };
  }

  it('lead to the same journal, view, ledger and counts, whichever of them is taken', async () => {
    await holdsInTime(
      fc.asyncProperty(batches, async (drawn) => {
        const { batches: all, ids } = eventsOf(drawn);
        const expected = expectedOf(all);
        const first: { stored: Stored; tallies: (BatchTally | null)[] }[] = [];
        for (const [name, path] of Object.entries(PATHS)) {
          const commit = path(storeOf(name), poisoned);
          const tallies: (BatchTally | null)[] = [];
          for (const batch of all) tallies.push(await commit(batch));
          const stored = await storedIn(storeOf(name), ids);
          expect({ name, ...stored }).toMatchObject({ name, ...expected });
          first.push({ stored, tallies });
          const [{ stored: same, tallies: counts } = { stored, tallies }] = first;
          expect({ name, ...stored }).toEqual({ name, ...same });
          tallies.forEach((tally, index) => {
            if (tally !== null) expect({ name, ...tally }).toEqual({ name, ...counts[index] });
          });
        }
      }),
      24,
    );
  });

  it('lead to the same journal and view with one event a batch, and with all events in one', async () => {
    await holdsInTime(
      fc.asyncProperty(batches, async (drawn) => {
        const { batches: all, ids } = eventsOf(drawn);
        const expected = expectedOf(all);
        const sum = (tallies: readonly BatchTally[], what: 'journaled' | 'duplicates' | 'conflicts') =>
          tallies.reduce((total, tally) => total + tally[what], 0);
        const found: unknown[] = [];
        for (const [name, cut] of [
          ['singly', all.flat().map((event) => [event])],
          ['at once', [all.flat()]],
        ] as const) {
          const driver = new LongDriver(storeOf(name), { domain: poisoned });
          const tallies: BatchTally[] = [];
          for (const batch of cut) tallies.push(await driver.commit(batch));
          const { due, identities, columns: _, ...stored } = await storedIn(storeOf(name), ids);
          expect(stored).toEqual(expected);
          found.push({
            identities: new Map([...identities].map(([id, list]) => [id, [...list].sort()])),
            counts: (['journaled', 'duplicates', 'conflicts'] as const).map((what) => sum(tallies, what)),
          });
          // A state that is ready now is due, whatever it was between. Nothing is due at a version that is not there.
          for (const [id, row] of expected.rows) if (row[2] === true) expect(due.has(id)).toBe(true);
          for (const [id, version] of due) expect(version).toBeLessThanOrEqual(stored.versions.get(id) ?? 0);
        }
        expect(found[0]).toEqual(found[1]);
      }),
      24,
    );
  });

  it('leave an article parked whose fold throws no longer, until a command releases it', async () => {
    await holdsInTime(
      fc.asyncProperty(batches, async (drawn) => {
        const { batches: all, ids } = eventsOf(drawn);
        let first: readonly Stored[] | null = null;
        for (const [name, path] of Object.entries(PATHS)) {
          if (name === BY_TURNS) continue;
          const commit = path(storeOf(name), healing);
          const after: Stored[] = [];
          for (const batch of all) {
            await commit(batch);
            const stored = await storedIn(storeOf(name), ids);
            const before = after.at(-1);
            for (const id of before?.parked ?? []) {
              expect(stored.parked).toContain(id);
              expect(stored.columns.get(id)).toEqual(before?.columns.get(id));
              expect(stored.due.get(id)).toBe(before?.due.get(id));
            }
            after.push(stored);
          }
          first ??= after;
          expect({ name, after }).toEqual({ name, after: first });
        }
      }),
      16,
    );
  });
});
