import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { ParkedRegistry } from '../../../src/pipeline/ingest/parked.ts';
import { Verifier } from '../../../src/pipeline/verify/verifier.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import type { Store } from '../../../src/ports/store.ts';
import { SqliteHarness } from '../../adapters/sqlite/harness.ts';
import {
  COUNTS,
  expectedView,
  MOVEMENTS,
  movements,
  Place,
  quickClock,
  recordOf,
  WAITING,
  wrap,
} from '../ingest/harness.ts';
import { OrderWorld } from './order-world.ts';

function verifierOn(
  store: Store,
  onFailure: (error: unknown) => void = () => {},
  view?: { readonly writesRows: boolean; readonly epoch: number },
) {
  const logged: string[] = [];
  const logger: Logger = (level, message) => logged.push(`${level}: ${message}`);
  const defects = new Defects(quickClock, logger);
  const verifier = new Verifier({
    domain: stockLedger,
    decoder: createDecoder(stockLedger, { topicNames: { [MOVEMENTS]: MOVEMENTS, [COUNTS]: COUNTS } }),
    due: new DueRules([]),
    targetsFromBeginning: new Set(),
    store,
    parked: new ParkedRegistry(),
    clock: quickClock,
    logger,
    defects,
    onFailure,
    ...(view === undefined ? {} : { view }),
  });
  onTestFinished(() => verifier.stop());
  return { verifier, logged, defects };
}

const ENTRIES = Array.from({ length: 250 }, (_, index) =>
  movements(`article ${index}`, 1 + (index % 4)),
).flat();

async function filled(): Promise<Place> {
  const place = await Place.make({ movements: 2, counts: 2 });
  const { ingest } = await place.start();
  await place.append(ENTRIES.map((entry) => recordOf(entry)));
  await place.settles(ENTRIES);
  await ingest.stop();
  return place;
}

function execute(place: Place, ...statements: string[]): void {
  const database = new DatabaseSync(join(place.folder, 'stock.sqlite'), { timeout: 1_000 });
  for (const statement of statements) database.exec(statement);
  database.close();
}

describe('the verifier', () => {
  it('rows that were deleted, altered, or set to another version are made from the journal again', async () => {
    const place = await filled();
    const { verifier, logged } = verifierOn(place.store);
    execute(
      place,
      "DELETE FROM stock WHERE article_id = 'article 7'",
      "UPDATE stock SET on_hand = 12345 WHERE article_id = 'article 120'",
      "UPDATE stock SET version = 1 WHERE article_id = 'article 203'",
      "UPDATE stock SET version = 77 WHERE article_id = 'article 249'",
    );
    verifier.start();
    await vi.waitFor(() => expect(verifier.status().passes).toBeGreaterThan(0), WAITING);

    await place.settles(ENTRIES);
    expect(verifier.status()).toMatchObject({ repaired: 4, unfoldable: 0 });
    expect(logged).toEqual(
      expect.arrayContaining([
        'warn: The row of "article 7" was missing; it was made from the journal again.',
        'warn: The row of "article 120" had been altered; it was made from the journal again.',
        'warn: The row of "article 203" was at version 1, where the journal has 4; it was made from the journal again.',
        'warn: The row of "article 249" was at version 77, which the journal does not have; it was made from the journal again.',
      ]),
    );
    const audited = await place.store.listAudit({ after: null, limit: 10 });
    for (const entry of audited)
      expect(entry).toMatchObject({ action: 'rows_repaired', decidedBy: 'order-sync' });
    expect(Object.assign({}, ...audited.map(({ details }) => details.rows))).toEqual({
      'article 7': 'row_missing',
      'article 120': 'row_altered',
      'article 203': 'version_behind',
      'article 249': 'version_ahead',
    });
  });

  it('nothing is repaired while nothing is wrong, and no row that ingest writes is taken for damage', async () => {
    const place = await Place.make({ movements: 2, counts: 2 });
    const { verifier } = verifierOn(place.store);
    verifier.start();
    await place.start({ batchEvents: 20 });
    for (let round = 0; round * 30 < ENTRIES.length; round++) {
      const entries = ENTRIES.slice(round * 30, (round + 1) * 30);
      await place.append(entries.map((entry) => recordOf(entry)));
      verifier.rush();
    }
    await place.settles(ENTRIES);
    verifier.rush();
    await vi.waitFor(() => expect(verifier.status().compared).toBeGreaterThan(250), WAITING);
    expect(verifier.status()).toMatchObject({ repaired: 0, unfoldable: 0 });
  });

  it('a view that was dropped is filled without a pause between its pages', async () => {
    const place = await filled();
    execute(place, 'DROP TABLE stock');
    const store = await place.anotherStore();
    const { verifier, logged } = verifierOn(store);
    verifier.rush();
    verifier.start();
    await vi.waitFor(() => expect(verifier.status().passes).toBeGreaterThan(0), WAITING);
    const expected = expectedView(ENTRIES);
    expect(await store.readView([...expected.keys()])).toEqual(expected);
    expect(verifier.status().repaired).toBe(expected.size);
    expect(logged).toEqual(['info: The view is complete again: its rows were made from the journal.']);
  });

  it('goes on behind the last page after a failure, and a rush begins with the first entity', async () => {
    const place = await filled();
    const asked: (string | null)[] = [];
    let isRushed = false;
    const store = wrap(place.store, {
      listEntities: async (page) => {
        asked.push(page.after);
        if (asked.length === 2) throw new TributaryError('store_unreachable', 'No answer.');
        if (asked.length === 3) {
          isRushed = true;
          verifier.rush();
        }
        return place.store.listEntities(page);
      },
    });
    const { verifier } = verifierOn(store);
    verifier.start();
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(5), WAITING);
    const [first, failed, again, rushed, second] = asked;
    expect([first, rushed, isRushed]).toEqual([null, null, true]);
    expect(failed).not.toBeNull();
    expect([again, second]).toEqual([failed, failed]);
  });

  it('begins with the first entity after a time in which its program wrote no rows', async () => {
    const place = await filled();
    let writesRows = true;
    let refusals = 0;
    const view = {
      epoch: 1,
      get writesRows() {
        if (!writesRows) refusals++;
        return writesRows;
      },
    };
    const asked: (string | null)[] = [];
    const store = wrap(place.store, {
      listEntities: async (page) => {
        asked.push(page.after);
        if (asked.length === 2) writesRows = false;
        return place.store.listEntities(page);
      },
    });
    const { verifier } = verifierOn(store, () => {}, view);
    verifier.start();
    await vi.waitFor(() => expect(refusals).toBeGreaterThan(0), WAITING);
    expect(asked).toHaveLength(2);
    writesRows = true;
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(2), WAITING);
    expect([asked[0], asked[1] === null, asked[2]]).toEqual([null, false, null]);
  });

  it('repairs nothing while a rebuild is switched, and then what differs', async () => {
    const place = await filled();
    let phase: 'switching' | 'steady' = 'switching';
    let looks = 0;
    const store = wrap(place.store, {
      viewState: async () => {
        looks++;
        return { ...(await place.store.viewState()), phase } as Awaited<ReturnType<Store['viewState']>>;
      },
    });
    const { verifier } = verifierOn(store);
    execute(place, "UPDATE stock SET on_hand = 12345 WHERE article_id = 'article 120'");
    verifier.start();
    await vi.waitFor(() => expect(verifier.status().passes).toBe(1), WAITING);
    expect(looks).toBeGreaterThan(0);
    expect(verifier.status()).toMatchObject({ repaired: 0, differences: {} });
    phase = 'steady';
    await vi.waitFor(() => expect(verifier.status().repaired).toBe(1), WAITING);
  });

  it('an outage is logged once and handed on, and the verifier goes on after it', async () => {
    const place = await filled();
    let failures = 0;
    const flaky = wrap(place.store, {
      listEntities: async (page) => {
        if (failures++ < 3) throw new TributaryError('store_unreachable', 'No answer.');
        return place.store.listEntities(page);
      },
    });
    const seen: unknown[] = [];
    const { verifier, logged } = verifierOn(flaky, (error) => seen.push(error));
    verifier.start();
    await vi.waitFor(() => expect(verifier.status().passes).toBe(1), WAITING);
    expect(seen).toHaveLength(3);
    expect(logged).toEqual(['warn: The view cannot be compared with the journal just now: No answer.']);
  });

  it('the one row that a defect strikes is passed over and counted, and the others are repaired', async () => {
    const place = await filled();
    execute(place, 'UPDATE stock SET on_hand = -5');
    const isStruck = (ids: readonly string[]) => ids.includes('article 57');
    const mistake = new TypeError('x is not a function');
    const store = wrap(place.store, {
      readEntities: (ids, maxEvents) =>
        isStruck(ids) ? Promise.reject(mistake) : place.store.readEntities(ids, maxEvents),
    });
    const { verifier, logged, defects } = verifierOn(store);
    verifier.start();
    await vi.waitFor(() => expect(verifier.status().passes).toBe(1), WAITING);
    const altered = new Set(ENTRIES.map(({ articleId }) => articleId)).size;
    expect(verifier.status().repaired).toBe(altered - 1);
    expect(defects.status()).toMatchObject({ count: 1, latest: [{ standsStill: false }] });
    expect(logged.filter((line) => line.startsWith('error: A defect of Tributary'))).toHaveLength(1);
  });

  it('the verifier rests while a defect strikes every row, logs it once, and goes on after it', async () => {
    const place = await filled();
    let isBroken = true;
    const mistake = new TypeError('x is not a function');
    const store = wrap(place.store, {
      readEntities: (ids, maxEvents) =>
        isBroken ? Promise.reject(mistake) : place.store.readEntities(ids, maxEvents),
    });
    const { verifier, logged, defects } = verifierOn(store);
    verifier.start();
    await vi.waitFor(
      () =>
        expect(defects.health()).toMatchObject({
          reason: expect.stringContaining('A defect of Tributary stops the comparison of view and journal'),
        }),
      WAITING,
    );
    expect(verifier.status()).toMatchObject({ compared: 0, passes: 0 });
    isBroken = false;
    await vi.waitFor(() => expect(verifier.status().passes).toBe(1), WAITING);
    expect(defects.health()).toEqual({ ok: true });
    expect(logged.some((line) => line.includes('cannot be compared with the journal just now'))).toBe(false);
  });

  it('differences of the ledger and rows without events are counted and logged, and left to a person', async () => {
    const harness = new SqliteHarness();
    onTestFinished(() => harness.cleanup());
    const world = await OrderWorld.make(harness);
    await world.happens('due', 'o', 'pa');
    await harness.rawQuery("DELETE FROM deliveries WHERE entity_id = 'due'");
    await harness.rawQuery("INSERT INTO orders VALUES ('stranger', NULL, NULL, NULL, 0, 3)");
    const logged: string[] = [];
    const verifier = new Verifier({
      ...world.parts(),
      store: world.store,
      parked: new ParkedRegistry(),
      clock: quickClock,
      logger: (level, message) => logged.push(`${level}: ${message}`),
      onFailure: () => {},
    });
    onTestFinished(() => verifier.stop());
    verifier.start();
    await vi.waitFor(() => expect(verifier.status().passes).toBe(1), WAITING);
    const differences = { ledger_missing: 1, row_extra: 1 };
    expect(verifier.status()).toMatchObject({
      repaired: 0,
      differences,
      lastPass: { compared: 5, differences },
    });
    expect(logged).toEqual([
      'warn: The ledger of order-mgt is wrong about "due" (missing): order-sync verify --repair puts right what can be.',
      'warn: The view has a row of "stranger", which has no event: order-sync verify --repair puts right what can be.',
    ]);
    expect((await world.differences()).map(({ kind }) => kind)).toEqual(['ledger_missing', 'row_extra']);
  });

  it('a repair makes nothing due', async () => {
    const place = await filled();
    const before = await place.store.counts();
    execute(place, 'UPDATE stock SET on_hand = 3');
    const { verifier } = verifierOn(await place.anotherStore());
    verifier.rush();
    verifier.start();
    await vi.waitFor(() => expect(verifier.status().passes).toBeGreaterThan(0), WAITING);
    expect(await place.store.counts()).toEqual(before);
    await place.settles(ENTRIES);
  });
});
