import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import type { Domain } from '../../../src/core/domain.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { refold } from '../../../src/pipeline/verify/refold.ts';
import type { ConsumerListener, EventLog } from '../../../src/ports/event-log.ts';
import type { LongJournals } from '../../../src/ports/long-journals.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import {
  type Entry,
  MOVEMENTS,
  movements,
  Place,
  quickClock,
  recordOf,
  TARGET,
  WAITING,
  wrap,
} from './harness.ts';
import { decoded, LongDriver, SMALL_LIMITS, stockDecoder } from './long-driver.ts';

const LIMITS = { longEvents: 100, intervalEvents: 20 };

/** A store that counts the events that are read from journals, long or short. */
function counting(store: Store): { store: Store; read: { events: number } } {
  const read = { events: 0 };
  const longJournals = wrap<LongJournals>(store.longJournals, {
    async readRange(range) {
      const page = await store.longJournals.readRange(range);
      read.events += page.events.length;
      return page;
    },
  });
  const commit: Store['commit'] = (batch) =>
    store.commit({
      ...batch,
      plan: (versions, readJournals) =>
        batch.plan(versions, async (ids, maxEvents) => {
          const journals = await readJournals(ids, maxEvents);
          for (const journal of journals.values()) read.events += journal.length;
          return journals;
        }),
    });
  return { store: wrap(store, { longJournals, commit }), read };
}

/** Movements, and every tenth minute a count, which makes earlier entries irrelevant. */
function entries(count: number, articleId = 'bolt'): Entry[] {
  return movements(articleId, count).map((entry) =>
    entry.minute % 10 === 0 ? { ...entry, isCount: true } : entry,
  );
}

async function stockStore(): Promise<Store> {
  return (await Place.make({ movements: 1, counts: 1 })).store;
}

describe('an entity with a long history', () => {
  it('one more event costs the same reads and memory, however many the entity has', async () => {
    const costs: { afterStart: number; late: number; next: number; held: number }[] = [];
    for (const size of [400, 3_000]) {
      const { store, read } = counting(await stockStore());
      await new LongDriver(store, { limits: LIMITS }).commit(entries(size).map((entry) => decoded(entry)));
      const driver = new LongDriver(store, { limits: LIMITS });
      await driver.commit([decoded({ articleId: 'bolt', isCount: false, quantity: 1, minute: size })]);
      const reads = async (minute: number) => {
        read.events = 0;
        await driver.commit([decoded({ articleId: 'bolt', isCount: false, quantity: 7_777, minute })]);
        return read.events;
      };
      // The ladder exists by now.
      const restarted = new LongDriver(store, { limits: LIMITS });
      read.events = 0;
      await restarted.commit([decoded({ articleId: 'bolt', isCount: false, quantity: 1, minute: size + 1 })]);
      const afterStart = read.events;
      await driver.commit([decoded({ articleId: 'bolt', isCount: false, quantity: 1, minute: size + 2 })]);
      costs.push({
        afterStart,
        next: await reads(size + 3),
        late: await reads(size / 2 + 1),
        held: driver.cachedEvents,
      });
    }
    for (const { afterStart, next, late, held } of costs) {
      // After a start, enough is read to see that the journal is long, and then the events behind the last rung.
      expect(afterStart).toBeLessThanOrEqual(LIMITS.longEvents + 1 + 2 * LIMITS.intervalEvents + 2);
      expect(next).toBe(0);
      expect(late).toBeLessThanOrEqual(2 * LIMITS.intervalEvents);
      // Both generations of the cache may hold it.
      expect(held).toBeLessThanOrEqual(2 * (2 * LIMITS.intervalEvents + 4));
    }
  });

  it('thousands of events of one entity in one batch are folded without reading, and make its ladder', async () => {
    const { store, read } = counting(await stockStore());
    const driver = new LongDriver(store, { limits: LIMITS, cacheEvents: 10_000 });
    const all = entries(3_000).map((entry) => decoded(entry));
    await driver.commit(all.slice(0, 1_000));
    read.events = 0;
    await driver.commit(all.slice(1_000, 2_000));
    await driver.commit(all.slice(2_000));
    expect(read.events).toBe(0);
    expect((await store.longJournals.rungsBehind('bolt', null, 1_000)).length).toBe(148);
    expect((await store.readView(['bolt'])).get('bolt')?.version).toBe(3_000);
  });

  it('a long entity does not push others out of the cache', async () => {
    const { store, read } = counting(await stockStore());
    const driver = new LongDriver(store, { limits: LIMITS, cacheEvents: 400 });
    await driver.commit([decoded({ articleId: 'nut', isCount: false, quantity: 1, minute: 0 })]);
    const all = entries(2_000).map((entry) => decoded(entry));
    for (let from = 0; from < all.length; from += 50) await driver.commit(all.slice(from, from + 50));
    await driver.commit([decoded({ articleId: 'nut', isCount: false, quantity: 1, minute: 1 })]);
    read.events = 0;
    await driver.commit([decoded({ articleId: 'nut', isCount: false, quantity: 1, minute: 2 })]);
    expect(read.events).toBe(0);
  });

  it('a long entity is parked at the event at which its fold throws, and goes on once it does not', async () => {
    const store = await stockStore();
    const throwing: Domain<StockState, StockEvent> = {
      ...stockLedger,
      evolve(state, event) {
        if (event.body.quantity === 313) throw new Error('no 313');
        return stockLedger.evolve(state, event);
      },
    };
    const driver = new LongDriver(store, { limits: SMALL_LIMITS, domain: throwing });
    const all = movements('bolt', 40).map((entry) => decoded(entry));
    await driver.commit(all.slice(0, 30));
    await driver.commit(all.slice(30));
    expect((await store.longJournals.rungsBehind('bolt', null, 100)).length).toBeGreaterThan(10);
    const late = decoded({ articleId: 'bolt', isCount: false, quantity: 313, minute: 20 });
    const bystander = decoded({ articleId: 'nut', isCount: false, quantity: 1, minute: 0 });
    expect(await driver.commit([late, bystander, ...all.slice(0, 3)])).toMatchObject({
      journaled: 2,
      duplicates: 3,
    });
    const [parked] = await store.listParked({ after: null, limit: 10 });
    expect(parked).toMatchObject({ entityId: 'bolt', reason: 'fold_failed' });
    expect(parked?.detail).toContain(late.eventId);

    // A parked entity gains events without duplicates, also in a process that has not seen it before.
    const more = movements('bolt', 3, 100).map((entry) => decoded(entry));
    expect(await driver.commit([late, ...more])).toMatchObject({ journaled: 3, duplicates: 1 });
    const restarted = new LongDriver(store, { limits: SMALL_LIMITS, domain: throwing });
    expect(await restarted.commit([late, more[0] as typeof late])).toMatchObject({
      journaled: 0,
      duplicates: 2,
    });

    const due = new DueRules([{ name: TARGET, qualifies: null }]);
    const parts = { domain: stockLedger, decoder: stockDecoder, due, store, clock: quickClock };
    expect(await refold(parts, ['bolt'], 'release')).toEqual([{ entityId: 'bolt', fault: null }]);
    const sum = 40 * 41 * 0.5 + 313 + 6;
    expect((await store.readView(['bolt'])).get('bolt')).toEqual({ row: [sum, 44, false], version: 44 });
    const after = new LongDriver(store, { limits: SMALL_LIMITS });
    await after.commit([decoded({ articleId: 'bolt', isCount: false, quantity: 5, minute: 30 })]);
    expect((await store.readView(['bolt'])).get('bolt')).toEqual({ row: [sum + 5, 45, false], version: 45 });
  });

  it('the row of a long entity is made again from its journal when it is lost', async () => {
    const store = await stockStore();
    const all = entries(2_500).map((entry) => decoded(entry));
    await new LongDriver(store).commit(all);
    const right = await store.readView(['bolt']);
    const { read, store: counted } = counting(store);
    const due = new DueRules([{ name: TARGET, qualifies: null }]);
    const parts = { domain: stockLedger, decoder: stockDecoder, due, store: counted, clock: quickClock };
    expect(await refold(parts, ['bolt'], 'repair')).toEqual([{ entityId: 'bolt', fault: null }]);
    expect(await store.readView(['bolt'])).toEqual(right);
    read.events = 0;
    await refold(parts, ['bolt'], 'repair');
    expect(read.events).toBeLessThan(600);
  });

  it('the row of a long entity is right without a ladder too, if its state cannot be stored', async () => {
    class Stock {
      readonly onHand: number;
      readonly movementsSinceCount: number;
      constructor({ onHand, movementsSinceCount }: StockState) {
        this.onHand = onHand;
        this.movementsSinceCount = movementsSinceCount;
      }
    }
    const domain: Domain<StockState, StockEvent> = {
      ...stockLedger,
      evolve: (state, event) => new Stock(stockLedger.evolve(state, event)),
    };
    const store = await stockStore();
    const driver = new LongDriver(store, { domain });
    const all = movements('bolt', 60).map((entry) => decoded(entry));
    for (let from = 0; from < 60; from += 7) await driver.commit(all.slice(from, from + 7));
    await driver.commit([decoded({ articleId: 'bolt', isCount: true, quantity: 0, minute: 30 })]);
    const restarted = new LongDriver(store, { domain });
    await restarted.commit([decoded({ articleId: 'bolt', isCount: false, quantity: 4, minute: 70 })]);
    expect(await store.longJournals.rungBefore('bolt', null)).toBeNull();
    const sum = Array.from({ length: 29 }, (_, index) => 32 + index).reduce((left, right) => left + right, 0);
    expect((await store.readView(['bolt'])).get('bolt')).toEqual({ row: [sum + 4, 30, false], version: 62 });
  });

  it('an interrupted reading of a long history continues where it was', async () => {
    const store = await stockStore();
    const all = entries(3_000).map((entry) => decoded(entry));
    await new LongDriver(store, { limits: LIMITS }).commit(all);
    const stopping = new AbortController();
    let pages = 0;
    const interrupted = wrap<LongJournals>(store.longJournals, {
      readRange(range) {
        if (++pages === 3) stopping.abort();
        return store.longJournals.readRange(range);
      },
    });
    const first = new LongDriver(wrap(store, { longJournals: interrupted }), { limits: LIMITS });
    await first.prepare('bolt', stopping.signal);
    const rungs = await store.longJournals.rungsBehind('bolt', null, 1_000);
    expect(rungs.length).toBeGreaterThan(10);
    expect(rungs.length).toBeLessThan(140);

    const { store: counted, read } = counting(store);
    const next = decoded({ articleId: 'bolt', isCount: false, quantity: 1, minute: 5_000 });
    await new LongDriver(counted, { limits: LIMITS }).commit([next]);
    // From the beginning it would read all 3,000 events.
    expect(read.events).toBeLessThan(3_000);
    expect((await store.readView(['bolt'])).get('bolt')?.version).toBe(3_001);
  });
});

describe('a lane', () => {
  it('a lane goes on with its other partitions while a long history is read', async () => {
    const place = await Place.make({ movements: 4, counts: 4 });
    let goOn = () => {};
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    onTestFinished(() => goOn());
    const slow = wrap<LongJournals>(place.store.longJournals, {
      async index(entityId, foldVersion, signal) {
        await mayGoOn;
        return place.store.longJournals.index(entityId, foldVersion, signal);
      },
    });
    const store = wrap(place.store, { longJournals: slow });
    const { logged } = await place.start({ lanes: 1, store, longLimits: SMALL_LIMITS });
    const hot = movements('bolt', 8);
    await place.append(hot.map((entry) => recordOf(entry)));
    await place.settles(hot);

    // The ninth event needs the index. Some of the others are in its partition, some are not.
    const others = Array.from({ length: 20 }, (_, index) => movements(`nut-${index}`, 1)).flat();
    const ninth = movements('bolt', 1, 100);
    await place.append([...ninth, ...others].map((entry) => recordOf(entry)));
    await vi.waitFor(async () => {
      expect(logged.join()).toContain('Partitions wait: the long history of "bolt" is being read');
      const rows = await place.store.readView(others.map(({ articleId }) => articleId));
      expect(rows.size).toBeGreaterThan(8);
      expect(rows.size).toBeLessThan(20);
    }, WAITING);
    const later = Array.from({ length: 20 }, (_, index) => movements(`washer-${index}`, 1)).flat();
    await place.append(later.map((entry) => recordOf(entry)));
    await vi.waitFor(async () => {
      const rows = await place.store.readView(later.map(({ articleId }) => articleId));
      expect(rows.size).toBeGreaterThan(8);
    }, WAITING);
    expect((await place.store.readView(['bolt'])).get('bolt')?.version).toBe(8);
    goOn();
    await place.settles([...hot, ...ninth, ...others, ...later]);
    const last = [...movements('bolt', 3, 200), ...movements('nut-1', 2, 10)];
    await place.append(last.map((entry) => recordOf(entry)));
    await place.settles([...hot, ...ninth, ...others, ...later, ...last]);
  });

  it('a lane commits nothing of a partition that it holds back, not even pieces without the long history', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const mayGoOn = Promise.withResolvers<void>();
    onTestFinished(() => mayGoOn.resolve());
    const slow = wrap<LongJournals>(place.store.longJournals, {
      async index(entityId, foldVersion, signal) {
        await mayGoOn.promise;
        return place.store.longJournals.index(entityId, foldVersion, signal);
      },
    });
    const store = wrap(place.store, { longJournals: slow });
    const { logged } = await place.start({ lanes: 1, batchEvents: 1_000, store, longLimits: SMALL_LIMITS });
    const hot = movements('bolt', 9);
    await place.append(hot.slice(0, 8).map((entry) => recordOf(entry)));
    await place.settles(hot.slice(0, 8));

    // More records than a piece has, so that the last ones are a piece without the long history.
    const others = Array.from({ length: 300 }, (_, index) => movements(`nut-${index}`, 1)).flat();
    await place.append([...hot.slice(8), ...others].map((entry) => recordOf(entry)));
    await vi.waitFor(() => expect(logged.join()).toContain('Partitions wait'), WAITING);
    const counted: Entry = { articleId: 'washer', isCount: true, quantity: 5, minute: 0 };
    await place.append([recordOf(counted)]);
    await vi.waitFor(async () => expect((await place.store.readView(['washer'])).size).toBe(1), WAITING);
    expect(await place.offsets()).toMatchObject({ [`${MOVEMENTS}/0`]: 8 });
    mayGoOn.resolve();
    await place.settles([...hot, ...others, counted]);
  });

  it('a lane journals what it holds back before its partition is halted', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const mayGoOn = Promise.withResolvers<void>();
    onTestFinished(() => mayGoOn.resolve());
    const slow = wrap<LongJournals>(place.store.longJournals, {
      async index(entityId, foldVersion, signal) {
        await mayGoOn.promise;
        return place.store.longJournals.index(entityId, foldVersion, signal);
      },
    });
    const started = Promise.withResolvers<ConsumerListener>();
    const log = wrap<EventLog>(place.log, {
      consumer(options) {
        const consumer = place.log.consumer(options);
        const start = consumer.start.bind(consumer);
        consumer.start = (events) => {
          started.resolve(events);
          return start(events);
        };
        return consumer;
      },
    });
    const store = wrap(place.store, { longJournals: slow });
    const { logged } = await place.start({ lanes: 1, store, log, longLimits: SMALL_LIMITS });
    const all = movements('bolt', 9);
    await place.append(all.slice(0, 8).map((entry) => recordOf(entry)));
    await place.settles(all.slice(0, 8));
    await place.append(all.slice(8).map((entry) => recordOf(entry)));
    await vi.waitFor(() => expect(logged.join()).toContain('Partitions wait'), WAITING);

    const listener = await started.promise;
    const halted = listener.halted({
      topic: MOVEMENTS,
      partition: 0,
      kind: 'corrupt_batch',
      offset: 9n,
      detail: 'bad',
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    mayGoOn.resolve();
    await halted;
    await place.settles(all);
    const [checkpoint] = (await place.store.checkpoints()).filter(({ topic }) => topic === MOVEMENTS);
    expect(checkpoint).toMatchObject({ nextOffset: 9n });
    expect(checkpoint?.haltReason).toContain('corrupt_batch at offset 9');
  });

  it('a lane stops while a long history is read', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const reading = Promise.withResolvers<void>();
    const endless = wrap<LongJournals>(place.store.longJournals, {
      index: (_, __, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(null));
          reading.resolve();
        }),
    });
    const store = wrap(place.store, { longJournals: endless });
    const { ingest } = await place.start({ store, longLimits: SMALL_LIMITS });
    const hot = movements('bolt', 8);
    await place.append(hot.map((entry) => recordOf(entry)));
    await place.settles(hot);
    await place.append(movements('bolt', 1, 100).map((entry) => recordOf(entry)));
    await reading.promise;
    await ingest.stop();
    await place.start({ longLimits: SMALL_LIMITS });
    await place.settles([...hot, ...movements('bolt', 1, 100)]);
  });
});
