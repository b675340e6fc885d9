import { describe, expect, it } from 'vitest';
import { claimDue, LEASE_MS, settlement } from './delivery-helpers.ts';
import {
  batchOf,
  change,
  commitChanges,
  DUE,
  move,
  quarantined,
  type StoreHarness,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

/** The tests of what the status reads: a part of the suite in `store.ts`. */
export function describeOverview(harness: StoreHarness): void {
  describe('overview', () => {
    const place = usePlace(harness);
    const read = (countMax?: number) =>
      place.store.readOverview({
        targets: TARGETS,
        nowMs: place.clock.now(),
        ...(countMax === undefined ? {} : { countMax }),
      });
    const makeDue = (...ids: string[]) =>
      commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
    const claim = (limit: number) =>
      claimDue(place.store, { target: TARGET, claimant: 'one', limit, leaseMs: LEASE_MS });

    it('an empty store has nothing due, nothing dead, nothing parked and nothing in quarantine', async () => {
      const nothing = { count: 0, isMore: false };
      const outbox = {
        first: nothing,
        retries: nothing,
        dead: nothing,
        oldestAgeMs: null,
        mayBeOlder: false,
        lastFailure: null,
        lastSweep: null,
      };
      expect(await read()).toEqual({
        outboxes: TARGETS.map((target) => ({ target, ...outbox })),
        quarantined: [],
        parked: nothing,
      });
    });

    it('first attempts, retries and dead deliveries are counted for each target, with the age of the oldest', async () => {
      await makeDue('a', 'b', 'c');
      place.clock.nowMs += 60_000;
      await makeDue('d');
      const [first, second, third] = await claim(3);
      if (first === undefined || second === undefined || third === undefined)
        throw new Error('Three are due.');
      const retry = { retryAtMs: place.clock.now() + 5_000 };
      await place.store.settleDeliveries([
        settlement(first, 'delivered'),
        settlement(second, retry, { status: 503, error: 'It answered 503.' }),
        settlement(third, 'dead', { status: 422, error: 'It answered 422.' }),
      ]);
      place.clock.nowMs += 30_000;
      const { outboxes } = await read();
      expect(outboxes[0]).toMatchObject({
        target: TARGET,
        first: { count: 1, isMore: false },
        retries: { count: 1, isMore: false },
        dead: { count: 1, isMore: false },
        oldestAgeMs: 90_000,
        mayBeOlder: false,
        lastFailure: { status: 503, error: 'It answered 503.' },
      });
      // The other target has all four due.
      expect(outboxes[1]).toMatchObject({
        first: { count: 4, isMore: false },
        retries: { count: 0 },
        dead: { count: 0 },
        oldestAgeMs: 90_000,
        lastFailure: null,
      });
    });

    it('counting ends at its limit, and says that there are more', async () => {
      await makeDue('a', 'b', 'c', 'd', 'e');
      const { outboxes } = await read(6);
      expect(outboxes.map(({ first }) => first)).toEqual([
        { count: 3, isMore: true },
        { count: 3, isMore: true },
      ]);
    });

    it('quarantined records are counted by topic and reason, the largest number first', async () => {
      const [acquired] = await place.store.acquire([
        { topic: 'b', partition: 0, topicId: 'topic-id-1', startOffset: 0n },
      ]);
      if (acquired === undefined) throw new Error('The partition was acquired.');
      const records = [
        quarantined(1n, { topic: 'b', reason: 'key_missing' }),
        quarantined(2n, { topic: 'b', reason: 'key_missing' }),
        quarantined(3n, { topic: 'b', reason: 'json_invalid' }),
        quarantined(1n, { topic: 'a', reason: 'key_missing' }),
      ];
      await place.store.commit(batchOf([move(acquired)], [], { quarantined: records }));
      const kind = (topic: string, reason: string, count: number) => ({
        topic,
        reason,
        records: count,
        isMore: false,
      });
      const { quarantined: kinds } = await read();
      expect(kinds[0]).toEqual(kind('b', 'key_missing', 2));
      expect(kinds.slice(1)).toEqual(
        expect.arrayContaining([kind('a', 'key_missing', 1), kind('b', 'json_invalid', 1)]),
      );
      expect(kinds).toHaveLength(3);
      const bounded = await read(1);
      expect(bounded.quarantined.length).toBeGreaterThan(0);
      for (const { isMore } of bounded.quarantined) expect(isMore).toBe(true);
    });

    it('parked entities are counted', async () => {
      const parking = {
        kind: 'park' as const,
        reason: 'fold_failed' as const,
        detail: 'It throws.',
        parkedAtMs: place.clock.now(),
      };
      await commitChanges(
        place.store,
        change('a', 0, { row: null, parking }),
        change('b', 0, { row: null, parking }),
      );
      expect((await read()).parked).toEqual({ count: 2, isMore: false });
      expect((await read(1)).parked).toEqual({ count: 1, isMore: true });
    });

    it('the result of the last sweep is that of whichever instance made it', async () => {
      const { waitsSinceMs } = await place.store.readSweep(TARGET);
      const claimed = { target: TARGET, claimant: 'one', waitsSinceMs, leaseMs: LEASE_MS };
      expect(await place.store.claimSweep(claimed)).toBe(true);
      const counts = { compared: 4, inFlight: 0, dead: 0, missing: 1, older: 0, different: 0 };
      const result = {
        beganAtMs: 1,
        endedAtMs: 2,
        outcome: 'complete' as const,
        error: null,
        ...counts,
        unrecorded: 0,
        unexpected: 0,
        newer: 0,
        madeDue: 1,
        healed: 0,
      };
      await place.store.endSweep({ target: TARGET, claimant: 'one', result });
      const another = await place.another();
      const { outboxes } = await another.readOverview({ targets: TARGETS, nowMs: place.clock.now() });
      expect(outboxes.map(({ lastSweep }) => lastSweep)).toEqual([result, null]);
    });
  });
}
