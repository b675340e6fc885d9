import { describe, expect, it } from 'vitest';
import { compareSequence } from '../../../src/core/sequence.ts';
import { compareUtf8 } from '../../../src/core/text.ts';
import type { ArrivedEvent, JournaledEvent } from '../../../src/ports/journal.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { DeliveryKindPage, ViewPage } from '../../../src/ports/view-rows.ts';
import { claimDue, LEASE_MS, settlement } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  event,
  NASTY_IDS,
  PARCELS,
  type StoreHarness,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

const LONG_EVENTS = 1_100;

/** Tests of the reads with which people ask about entities. */
export function describeAsking(harness: StoreHarness): void {
  describeArrivals(harness);
  describeViewPages(harness);
  describeUndelivered(harness);
  describeInspection(harness);
}

async function allArrivals(store: Store, entityId: string, limit: number): Promise<ArrivedEvent[]> {
  const found: ArrivedEvent[] = [];
  for (;;) {
    const { events } = await store.readArrivals({ entityId, after: found.at(-1)?.version ?? 0, limit });
    if (events.length === 0) return found;
    expect(events.length).toBeLessThanOrEqual(limit);
    found.push(...events);
  }
}

function describeArrivals(harness: StoreHarness): void {
  describe('the events of an entity by version', () => {
    const place = usePlace(harness);

    it.each([1, 2, 100])('events come by version, and whole, in pages of %i', async (limit) => {
      const batches = [
        [event('parcel', 5), event('parcel', 7)],
        [event('parcel', 1)],
        [event('parcel', 6, { data: '{"text":"é 😀"}' })],
      ];
      let fromVersion = 0;
      for (const events of batches) {
        await commitChanges(
          place.store,
          change('parcel', fromVersion, { events }),
          change(`${fromVersion}`, 0),
        );
        fromVersion += events.length;
      }
      const expected = batches.flat().map((each, index) => ({ ...each, version: index + 1 }));
      expect(await allArrivals(place.store, 'parcel', limit)).toEqual(expected);
      expect((await place.store.readArrivals({ entityId: 'parcel', after: 0, limit })).lastVersion).toBe(4);
    });

    it('an entity without events has the version 0', async () => {
      await commitChanges(place.store, change('parcel', 0));
      for (const entityId of ['Parcel', 'parcel ', 'parce'])
        expect(await place.store.readArrivals({ entityId, after: 0, limit: 10 })).toEqual({
          events: [],
          lastVersion: 0,
        });
      expect(await place.store.readArrivals({ entityId: 'parcel', after: 1, limit: 10 })).toEqual({
        events: [],
        lastVersion: 1,
      });
    });

    it('an entity with more than 1,024 events is read from any version on, whatever the canonical sequence', async () => {
      // The events arrive in the reverse of their canonical sequence, 100 in a transaction.
      const arrival: JournaledEvent[] = [];
      for (let to = LONG_EVENTS; to > 0; to -= 100)
        arrival.push(...Array.from({ length: 100 }, (_, index) => event('parcel', to - 99 + index)));
      for (let from = 0; from < LONG_EVENTS; from += 100)
        await commitChanges(place.store, change('parcel', from, { events: arrival.slice(from, from + 100) }));
      const expected = arrival.map(({ eventId }, index) => [index + 1, eventId]);
      const found = await allArrivals(place.store, 'parcel', 300);
      expect(found.map(({ version, eventId }) => [version, eventId])).toEqual(expected);
      for (const after of [1_000, 1_023, 1_024, 1_025, 1_099]) {
        const page = await place.store.readArrivals({ entityId: 'parcel', after, limit: 7 });
        expect(page.events[0]?.version, `behind ${after}`).toBe(after + 1);
        expect(page.lastVersion).toBe(LONG_EVENTS);
      }
      expect([...found].sort(compareSequence)[0]?.version).toBe(1_001);
      expect((await place.store.readLastArrivals(['parcel'])).get('parcel')).toBe(
        arrival.at(-1)?.observedAtMs,
      );
    });

    it('the last arrival of each entity is the time of the event with its last version', async () => {
      const at = (observedAtMs: number) => ({ observedAtMs });
      await commitChanges(
        place.store,
        change('a', 0, { events: [event('a', 9, at(2_000)), event('a', 10, at(2_000))] }),
        ...NASTY_IDS.map((id) => change(id, 0, { events: [event(id, 1, at(5_000))] })),
      );
      // The clock of another instance is behind, and the event comes first in canonical sequence.
      await commitChanges(place.store, change('a', 2, { events: [event('a', 1, at(1_000))] }));
      const found = await place.store.readLastArrivals(['a', 'nobody', ...NASTY_IDS]);
      expect(found).toEqual(new Map([['a', 1_000], ...NASTY_IDS.map((id) => [id, 5_000] as const)]));
      expect(await place.store.readLastArrivals([])).toEqual(new Map());
    });
  });
}

function describeViewPages(harness: StoreHarness): void {
  describe('the rows of the view in pages', () => {
    const place = usePlace(harness);
    const page = (facts: Partial<ViewPage> = {}) =>
      place.store.listView({ conditions: [], after: null, limit: 1_000, scan: 10_000, ...facts });
    const ids = async (facts: Partial<ViewPage>) => (await page(facts)).rows.map(({ entityId }) => entityId);

    it.each([1, 7, 1_000])('rows are sorted by the bytes of their ids, in pages of %i', async (limit) => {
      await commitChanges(
        place.store,
        ...NASTY_IDS.map((id, index) => change(id, 0, { row: [id, index % 2 === 0, index] })),
      );
      const sorted = [...NASTY_IDS].sort(compareUtf8);
      const found: unknown[] = [];
      for (let after: string | null = null; ; ) {
        const { rows, next } = await page({ after, limit });
        found.push(...rows);
        after = next;
        if (after === null) break;
      }
      expect(found).toEqual(
        sorted.map((id) => {
          const index = NASTY_IDS.indexOf(id);
          return { entityId: id, row: [id, index % 2 === 0, index], version: 1 };
        }),
      );
    });

    it('rows are selected by texts to the byte, by booleans, integers and missing values', async () => {
      const rows: [string, [string | null, boolean, number | null]][] = [
        ['a', ['Oslo', true, 1]],
        ['b', ['oslo', false, 2]],
        ['c', ['Oslo ', false, 1]],
        ['d', [null, false, null]],
      ];
      await commitChanges(place.store, ...rows.map(([id, row]) => change(id, 0, { row })));
      const where = (value: string | number | boolean | null, ...columns: string[]) =>
        ids({ conditions: [{ columns, value }] });
      expect(await where('Oslo', 'place')).toEqual(['a']);
      expect(await where(null, 'place')).toEqual(['d']);
      expect(await where(false, 'is_fragile')).toEqual(['b', 'c', 'd']);
      expect(await where(1, 'weight_grams')).toEqual(['a', 'c']);
      expect(await where(null, 'place', 'weight_grams')).toEqual(['d']);
      expect(await where('Oslo')).toEqual([]);
      const both = [
        { columns: ['weight_grams'], value: 1 },
        { columns: ['is_fragile'], value: false },
      ];
      expect(await ids({ conditions: both })).toEqual(['c']);
    });

    it('a page with conditions looks at no more rows than it may, and says where the next one begins', async () => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      await commitChanges(
        place.store,
        ...names.map((id) => change(id, 0, { row: [id === 'g' ? 'Oslo' : 'Rome', true, 1] })),
      );
      const conditions = [{ columns: ['place'], value: 'Oslo' }];
      const first = await page({ conditions, scan: 3 });
      expect(first).toEqual({ rows: [], next: 'c' });
      expect(await page({ conditions, scan: 3, after: first.next })).toEqual({ rows: [], next: 'f' });
      const last = await page({ conditions, scan: 3, after: 'f' });
      expect([last.rows.map(({ entityId }) => entityId), last.next]).toEqual([['g'], null]);
      const rome = [{ columns: ['place'], value: 'Rome' }];
      expect(await page({ conditions: rome, scan: 3, limit: 2 })).toMatchObject({ next: 'b' });
    });

    it('a condition on a column that the view lacks is a defect', async () => {
      await expect(page({ conditions: [{ columns: ['colour'], value: 'red' }] })).rejects.toMatchObject({
        code: 'defect',
      });
    });
  });
}

function describeUndelivered(harness: StoreHarness): void {
  describe('the entities by their deliveries to a target', () => {
    const place = usePlace(harness);
    const page = (facts: Partial<DeliveryKindPage> = {}) =>
      place.store.listByDelivery({
        target: TARGET,
        kind: 'owed',
        after: null,
        limit: 100,
        scan: 100,
        ...facts,
      });

    /** a and e are due, b is retried, c is dead, d is delivered. All are due to the other target. */
    async function deliveries(): Promise<void> {
      await commitChanges(place.store, ...['a', 'b', 'c', 'd'].map((id) => change(id, 0, { delivery: DUE })));
      const claimed = await claimDue(place.store, {
        target: TARGET,
        claimant: 'one',
        limit: 10,
        leaseMs: LEASE_MS,
      });
      await place.store.settleDeliveries(
        claimed.map((delivery) => {
          if (delivery.entityId === 'b')
            return settlement(delivery, { retryAtMs: place.clock.nowMs + 60_000 });
          return settlement(delivery, delivery.entityId === 'c' ? 'dead' : 'delivered');
        }),
      );
      await commitChanges(place.store, change('a', 1, { delivery: DUE }), change('e', 0, { delivery: DUE }));
    }

    it.each([100, 4, 3, 1])(
      'those due, retried and dead are owed, also if the page looks at %i rows',
      async (scan) => {
        await deliveries();
        const found: string[] = [];
        for (let after: string | null = null; ; ) {
          const { entityIds, next } = await page({ after, scan });
          found.push(...entityIds);
          after = next;
          if (after === null) break;
        }
        expect(found).toEqual(['a', 'b', 'c', 'e']);
      },
    );

    async function all(facts: Partial<DeliveryKindPage>): Promise<string[]> {
      const found: string[] = [];
      for (let after: string | null = null; ; ) {
        const { entityIds, next } = await page({ ...facts, after });
        found.push(...entityIds);
        after = next;
        if (after === null) return found;
      }
    }

    it.each([100, 4, 3, 1])(
      'those due and retried are in flight, also if the page looks at %i rows, and claimed ones stay so',
      async (scan) => {
        await deliveries();
        expect(await all({ kind: 'in_flight', scan })).toEqual(['a', 'b', 'e']);
        await claimDue(place.store, { target: TARGET, claimant: 'two', limit: 10, leaseMs: LEASE_MS });
        expect(await all({ kind: 'in_flight', scan })).toEqual(['a', 'b', 'e']);
      },
    );

    it.each([100, 2, 1])(
      'the delivered ones are those of which the target has the state that was due last, if the page looks at %i rows',
      async (scan) => {
        await deliveries();
        expect(await all({ kind: 'delivered', scan })).toEqual(['d']);
        const claim = { target: TARGET, claimant: 'two', limit: 10, leaseMs: LEASE_MS };
        const claimed = await claimDue(place.store, claim);
        await place.store.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'delivered')));
        expect(await all({ kind: 'delivered', scan })).toEqual(['a', 'd', 'e']);
        expect(await all({ kind: 'delivered', scan, limit: 1 })).toEqual(['a', 'd', 'e']);
        expect(await all({ kind: 'delivered', scan, target: 'nobody' })).toEqual([]);
      },
    );

    it('pages of any size have each of them once', async () => {
      await deliveries();
      for (const limit of [1, 2, 3]) {
        const found: string[] = [];
        for (let after: string | null = null; ; ) {
          const { entityIds, next } = await page({ after, limit });
          expect(entityIds.length).toBeLessThanOrEqual(limit);
          found.push(...entityIds);
          after = next;
          if (after === null) break;
        }
        expect(found).toEqual(['a', 'b', 'c', 'e']);
      }
    });

    it('the dead ones are listed alone, and each target has its own', async () => {
      await deliveries();
      expect(await page({ kind: 'dead' })).toEqual({ entityIds: ['c'], next: null });
      expect(await page({ kind: 'dead', after: 'c' })).toEqual({ entityIds: [], next: null });
      expect((await page({ target: TARGETS[1] })).entityIds).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(await page({ target: 'nobody' })).toEqual({ entityIds: [], next: null });
    });

    it('the dead ones are found too where more are dead than the page may look at', async () => {
      await deliveries();
      const claim = { target: TARGET, claimant: 'two', limit: 10, leaseMs: LEASE_MS };
      const claimed = await claimDue(place.store, claim);
      await place.store.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'dead')));
      const found: string[] = [];
      for (let after: string | null = null; ; ) {
        const { entityIds, next } = await page({ kind: 'dead', after, scan: 2 });
        found.push(...entityIds);
        after = next;
        if (after === null) break;
      }
      expect(found).toEqual(['a', 'c', 'e']);
    });

    it('ids are sorted by their bytes, whether few or many are owed', async () => {
      await commitChanges(place.store, ...NASTY_IDS.map((id) => change(id, 0, { delivery: DUE })));
      const sorted = [...NASTY_IDS].sort(compareUtf8);
      expect((await page()).entityIds).toEqual(sorted);
      expect((await page({ scan: 10, limit: 5 })).entityIds).toEqual(sorted.slice(0, 5));
    });
  });
}

function describeInspection(harness: StoreHarness): void {
  describe('a store that is opened to read', () => {
    const place = usePlace(harness);

    it('it reads journal, view and parked entities beside a running program', async () => {
      const parking = { kind: 'park', reason: 'fold_failed', detail: 'It throws.', parkedAtMs: 7 } as const;
      await commitChanges(place.store, change('parcel', 0, { parking, row: null }), change('other', 0));
      const opened = await harness.openAgain({ clock: place.clock, targets: TARGETS });
      const reading = await opened.toRead(PARCELS);
      expect((await reading.readArrivals({ entityId: 'parcel', after: 0, limit: 9 })).lastVersion).toBe(1);
      expect([...(await reading.readView(['other'])).keys()]).toEqual(['other']);
      expect(await reading.readParked('parcel')).toEqual({
        entityId: 'parcel',
        reason: 'fold_failed',
        detail: 'It throws.',
        parkedAtMs: 7,
      });
      expect(await reading.readParked('other')).toBeNull();
    });

    it('it is refused on a schema of another version, which it leaves as it is', async () => {
      const [newest] = await harness.rawQuery('SELECT MAX(version) AS version FROM schema_migrations');
      await harness.rawQuery(`DELETE FROM schema_migrations WHERE version = ${newest?.version}`);
      const opened = await harness.openAgain({ clock: place.clock, targets: TARGETS });
      await expect(opened.toRead(PARCELS)).rejects.toMatchObject({
        code: 'store_refused',
        message: expect.stringContaining('order-sync migrate'),
      });
      const [left] = await harness.rawQuery('SELECT MAX(version) AS version FROM schema_migrations');
      expect(Number(left?.version)).toBe(Number(newest?.version) - 1);
    });
  });
}
