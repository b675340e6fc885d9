import { describe, expect, it } from 'vitest';
import type { DeliveryFilter, DeliveryKey } from '../../../src/ports/ledger.ts';
import { claimDue, LEASE_MS, settlement } from './delivery-helpers.ts';
import { change, commitChanges, DUE, type StoreHarness, TARGET, TARGETS, usePlace } from './fixtures.ts';

const EVERYTHING: DeliveryFilter = {
  target: null,
  entityId: null,
  status: null,
  lastStatus: null,
  errorPrefix: null,
  dueSinceFromMs: null,
  dueSinceBeforeMs: null,
};

/** The tests of pages of deliveries with a limit of what they go through: a part of the suite in `store.ts`. */
export function describeDeliveryPages(harness: StoreHarness): void {
  describe('pages of deliveries', () => {
    const place = usePlace(harness);
    const ids = Array.from({ length: 30 }, (_, number) => `parcel-${String(number).padStart(2, '0')}`);

    /** Makes 30 deliveries due to each target. The first target has taken the 8th, and refused the 20th for ever. */
    async function fill(): Promise<void> {
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const claimed = await claimDue(place.store, {
        target: TARGET,
        claimant: 'one',
        limit: ids.length,
        leaseMs: LEASE_MS,
      });
      const of = (id: string | undefined) => claimed.filter(({ entityId }) => entityId === id);
      await place.store.settleDeliveries([
        ...of(ids[7]).map((delivery) => settlement(delivery, 'delivered')),
        ...of(ids[19]).map((delivery) => settlement(delivery, 'dead', { status: 422 })),
      ]);
    }

    async function pages(
      filter: Partial<DeliveryFilter>,
      limit: number,
      lookMax: number,
    ): Promise<string[][]> {
      const all: string[][] = [];
      let after: DeliveryKey | null = null;
      do {
        const page: Awaited<ReturnType<typeof place.store.pageDeliveries>> = await place.store.pageDeliveries(
          {
            filter: { ...EVERYTHING, ...filter },
            after,
            limit,
            lookMax,
          },
        );
        all.push(page.deliveries.map(({ target, entityId }) => `${target}/${entityId}`));
        after = page.next;
      } while (after !== null && all.length < 100);
      return all;
    }

    it('each delivery is on one page, in the sequence of targets and ids, without a filter', async () => {
      await fill();
      const expected = [...TARGETS].sort().flatMap((target) => ids.map((id) => `${target}/${id}`));
      for (const limit of [7, 30, 60, 100])
        expect((await pages({}, limit, 10)).flat(), `pages of ${limit}`).toEqual(expected);
      expect(await pages({}, 30, 10)).toHaveLength(2);
    });

    it('a page ends after it went through its limit of deliveries, and may be empty', async () => {
      await fill();
      const found = await pages({ target: TARGET, status: 'delivered' }, 5, 10);
      expect(found.flat()).toEqual([`${TARGET}/${ids[7]}`]);
      expect(found.length).toBeGreaterThan(2);
      const refused = await pages({ lastStatus: 422 }, 5, 10);
      expect(refused.flat()).toEqual([`${TARGET}/${ids[19]}`]);
      expect(refused.length).toBeGreaterThan(4);
    });

    it('dead deliveries are found at once by their index', async () => {
      await fill();
      expect(await pages({ status: 'dead' }, 5, 1)).toEqual([[`${TARGET}/${ids[19]}`]]);
      expect((await pages({ status: 'dead', lastStatus: 400 }, 5, 1)).flat()).toEqual([]);
    });

    it('a page is full if enough deliveries match', async () => {
      await fill();
      const [first] = await pages({ target: TARGET, status: 'pending' }, 5, 1_000);
      expect(first).toHaveLength(5);
    });
  });
}
