import { describe, expect, it, vi } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import type { Domain, EventType } from '../../../src/core/domain.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { DueRules, UNCHANGED } from '../../../src/pipeline/ingest/due.ts';
import { digestOf } from '../../../src/pipeline/reconcile/comparison.ts';
import { refold } from '../../../src/pipeline/verify/refold.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import { COUNTS, MOVEMENTS, movements, Place, quickClock, recordOf, TARGET, WAITING } from './harness.ts';

const TOPIC_NAMES = { [MOVEMENTS]: MOVEMENTS, [COUNTS]: COUNTS };
const POISON = 666;

type StockDomain = Domain<StockState, StockEvent>;

/** A program whose fold throws at one quantity. */
const throwing: StockDomain = {
  ...stockLedger,
  evolve(state, event) {
    if (event.body.quantity === POISON) throw new RangeError('the quantity of the beast');
    return stockLedger.evolve(state, event);
  },
};

/** A program whose view gives a row that does not fit the table. */
const oversized: StockDomain = {
  ...stockLedger,
  view: {
    ...stockLedger.view,
    row: (state) => (state.onHand > 600 ? [0.5, 0, false] : stockLedger.view.row(state)),
  },
};

/** A program that no longer knows one kind of event. */
const forgetful: StockDomain = {
  ...stockLedger,
  eventTypes: {
    ...stockLedger.eventTypes,
    STOCK_MOVED: {
      ...(stockLedger.eventTypes.STOCK_MOVED as EventType<StockEvent>),
      toEvent(body) {
        if (body.quantity === POISON) throw new TypeError('no such movement');
        return (stockLedger.eventTypes.STOCK_MOVED as EventType<StockEvent>).toEvent(body);
      },
    },
  },
};

/** What a program needs to fold entities of the place anew. */
const parts = ({ store }: Place, domain: StockDomain) => ({
  domain,
  decoder: createDecoder(domain, { topicNames: TOPIC_NAMES }),
  due: new DueRules([{ name: TARGET, qualifies: null }]),
  store,
  clock: quickClock,
});

const poisoned = { articleId: 'bad', isCount: false, quantity: POISON, minute: 5 };

describe('an entity that cannot be folded', () => {
  const programs = [
    [
      'fold_failed',
      throwing,
      /event "[0-9a-f]{64}" \(stock_movements\/0 at offset \d+\): the quantity of the beast/,
    ],
    ['row_invalid', oversized, /on_hand is no integer/],
  ] as const;

  it.each(programs)(
    'an entity that cannot be folded is parked with its reason, and the others go on (%s)',
    async (reason, domain, detail) => {
      const place = await Place.make({ movements: 1, counts: 1 });
      const { ingest, logged } = await place.start({ domain });
      const good = ['a', 'z'].flatMap((id) => movements(id, 30));
      await place.append(
        [...movements('bad', 3), poisoned, ...movements('bad', 3, 10), ...good].map((e) => recordOf(e)),
      );

      await vi.waitFor(
        async () => expect(await place.offsets()).toMatchObject({ 'stock_movements/0': 67 }),
        WAITING,
      );

      expect((await place.store.readJournals(['bad'])).get('bad')).toHaveLength(7);
      const view = await place.store.readView(['a', 'z', 'bad']);
      expect([view.get('a')?.version, view.get('z')?.version, view.get('bad')?.version]).toEqual([30, 30, 7]);
      const [parked] = await place.store.listParked({ after: null, limit: 10 });
      expect(parked).toMatchObject({ entityId: 'bad', reason });
      expect(parked?.detail).toMatch(detail);
      // Others see a commit a moment before it is on disk, and the instance counts it once it is.
      await vi.waitFor(() => expect(ingest.status().parked).toBe(1), WAITING);
      expect(ingest.health()).toEqual({ ok: true });
      expect(logged.filter((line) => line.startsWith('error: "bad" is parked:'))).toHaveLength(1);
    },
  );

  it('a parked entity keeps its row, journals later events once, and stays parked over a restart', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const first = await place.start({ domain: throwing });
    await place.append(movements('bad', 3).map((entry) => recordOf(entry)));
    await place.settles(movements('bad', 3));
    const before = (await place.store.readView(['bad'])).get('bad');
    await place.append([poisoned, poisoned].map((entry) => recordOf(entry)));
    await vi.waitFor(() => expect(first.ingest.status().parked).toBe(1), WAITING);
    await first.ingest.stop();

    // The entity stays parked, even in a program that can fold it, until somebody releases it.
    const second = await place.start({});
    await place.append([...movements('bad', 2, 20), ...movements('bad', 3)].map((entry) => recordOf(entry)));
    await vi.waitFor(
      async () => expect(await place.offsets()).toMatchObject({ 'stock_movements/0': 10 }),
      WAITING,
    );

    expect(second.ingest.status().parked).toBe(1);
    const row = (await place.store.readView(['bad'])).get('bad');
    expect(row).toEqual({ row: before?.row, version: 6 });
    expect((await place.store.readJournals(['bad'])).get('bad')).toHaveLength(6);
  });

  it('a released entity is right in its row and due, also in a running instance that knew it as parked', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const { ingest } = await place.start({ domain: throwing });
    await place.append([...movements('bad', 3), poisoned].map((entry) => recordOf(entry)));
    await vi.waitFor(() => expect(ingest.status().parked).toBe(1), WAITING);
    await ingest.stop();
    const healed = await place.start({});

    const [still] = await refold(parts(place, throwing), ['bad'], 'release');
    expect(still).toMatchObject({ entityId: 'bad', fault: { reason: 'fold_failed' } });
    expect(await place.store.listParked({ after: null, limit: 10 })).toHaveLength(1);

    expect(await refold(parts(place, stockLedger), ['bad', 'unknown'], 'release')).toEqual([
      { entityId: 'bad', fault: null },
    ]);
    await place.settles([...movements('bad', 3), poisoned]);
    await place.append(movements('bad', 2, 20).map((entry) => recordOf(entry)));
    await place.settles([...movements('bad', 3), poisoned, ...movements('bad', 2, 20)]);
    expect(healed.ingest.status().parked).toBe(0);
    expect(await place.store.listParked({ after: null, limit: 10 })).toEqual([]);
  });

  it('an entity that an older instance parks stays parked in one that can fold it and knew it as sound', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const { ingest, logged } = await place.start({});
    await place.append([...movements('bad', 3), ...movements('good', 3)].map((entry) => recordOf(entry)));
    await place.settles([...movements('bad', 3), ...movements('good', 3)]);
    const before = (await place.store.readView(['bad'])).get('bad');

    // As an older instance does that cannot fold it.
    const parking = { kind: 'park', reason: 'fold_failed', detail: 'It throws.', parkedAtMs: 1 } as const;
    const change = {
      entityId: 'bad',
      fromVersion: 3,
      version: 3,
      row: null,
      events: [],
      delivery: UNCHANGED,
    };
    const batch = { moves: [], quarantined: [], mode: 'locking' } as const;
    await place.store.commit({ ...batch, entityIds: ['bad'], plan: async () => [{ ...change, parking }] });

    const later = (id: string) => movements(id, 2, 20).map((entry) => recordOf(entry));
    await place.append([...later('bad'), ...later('good')]);
    await vi.waitFor(
      async () => expect(await place.offsets()).toMatchObject({ 'stock_movements/0': 10 }),
      WAITING,
    );
    expect((await place.store.readView(['bad'])).get('bad')).toEqual({ row: before?.row, version: 5 });
    expect((await place.store.readView(['good'])).get('good')?.version).toBe(5);
    expect(await place.store.listParked({ after: null, limit: 10 })).toMatchObject([{ entityId: 'bad' }]);
    expect(ingest.status().parked).toBe(1);
    expect(logged.filter((line) => /^(error|warn):/.test(line))).toEqual([]);

    // The verifier mends rows of one page, and one of its entities is parked in the meantime.
    const altered = { ...change, entityId: 'good', fromVersion: 5, version: 5, row: [0, 0, false] };
    await place.store.commit({ ...batch, entityIds: ['good'], plan: async () => [altered] });
    expect(await refold(parts(place, stockLedger), ['bad', 'good'], 'repair')).toEqual([
      { entityId: 'good', fault: null },
    ]);
    await refold(parts(place, stockLedger), ['bad'], 'release');
    await place.settles([...['bad', 'good'].flatMap((id) => [...movements(id, 3), ...movements(id, 2, 20)])]);
  });

  it('a release replaces what a target got under the same version', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    await place.start({ targets: [{ name: TARGET, qualifies: null }] });
    await place.append(movements('bad', 3).map((entry) => recordOf(entry)));
    await place.settles(movements('bad', 3));
    const [before] = (await place.store.readView(['bad'])).values();
    // The verifier of a version with a mistake finds that it cannot fold the entity, which has no new event.
    const broken: StockDomain = {
      ...stockLedger,
      evolve() {
        throw new RangeError('a mistake');
      },
    };
    await refold(parts(place, broken), ['bad'], 'repair');
    expect(await place.store.listParked({ after: null, limit: 10 })).toHaveLength(1);

    const corrected: StockDomain = {
      ...stockLedger,
      evolve: (state, event) => stockLedger.evolve(stockLedger.evolve(state, event), event),
    };
    await refold(parts(place, corrected), ['bad'], 'release');
    const [after] = (await place.store.readView(['bad'])).values();
    expect([before, after]).toEqual([
      { row: [6, 3, true], version: 3 },
      { row: [12, 6, false], version: 3 },
    ]);
    const claim = {
      target: TARGET,
      claimant: 'a claim',
      limit: 10,
      leaseMs: 1_000,
      attempts: 'first',
    } as const;
    const digest = digestOf([{ entityId: 'bad', version: 3, row: before?.row ?? [] }]);
    expect(await place.store.claimDeliveries(claim)).toMatchObject([{ version: 3, replaces: digest }]);
  });

  it('an entity is parked if its journal holds an event that the program no longer understands', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const first = await place.start({});
    await place.append(
      [...movements('bad', 3), poisoned, ...movements('good', 3)].map((entry) => recordOf(entry)),
    );
    await place.settles([...movements('bad', 3), poisoned, ...movements('good', 3)]);
    await first.ingest.stop();

    const topicNames = TOPIC_NAMES;
    const decoder = createDecoder(forgetful, { topicNames });
    const { ingest } = await place.start({ domain: forgetful, decoder });
    await place.append(
      [...movements('bad', 2, 20), ...movements('good', 2, 20)].map((entry) => recordOf(entry)),
    );
    await vi.waitFor(
      async () => expect(await place.offsets()).toMatchObject({ 'stock_movements/0': 11 }),
      WAITING,
    );

    const [parked] = await place.store.listParked({ after: null, limit: 10 });
    expect(parked).toMatchObject({ entityId: 'bad', reason: 'event_not_understood' });
    expect(parked?.detail).toMatch(/stock_movements\/0 at offset 3\): no such movement/);
    expect((await place.store.readJournals(['bad'])).get('bad')).toHaveLength(6);
    expect((await place.store.readView(['good'])).get('good')?.version).toBe(5);
    expect(ingest.health()).toEqual({ ok: true });
  });

  it('a record at which the domain throws is quarantined, and the others go on', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const decoder = createDecoder(forgetful, { topicNames: TOPIC_NAMES });
    await place.start({ domain: forgetful, decoder });
    await place.append([poisoned, ...movements('good', 3)].map((entry) => recordOf(entry)));
    await place.settles(movements('good', 3), 1);
    const [record] = await place.store.readQuarantine({ after: null, limit: 10 });
    expect(record?.reason).toBe('event_not_understood');
  });
});
