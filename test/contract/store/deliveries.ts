import { describe, expect, it } from 'vitest';
import type { ClaimedDelivery, DeliverySettlement } from '../../../src/ports/delivery-claims.ts';
import { claimDue, claimOnly, LEASE_MS, settlement } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  event,
  NOT_READY,
  type StoreHarness,
  TARGET,
  TARGETS,
  UNCHANGED,
  usePlace,
} from './fixtures.ts';

export function describeDeliveries(harness: StoreHarness): void {
  describe('a state', () => {
    const place = usePlace(harness);
    const read = (target: string = TARGET) => place.store.readDelivery(target, 'parcel');
    const settle = (delivery: ClaimedDelivery, next: DeliverySettlement['next']) =>
      place.store.settleDeliveries([settlement(delivery, next)]);

    it('a changed state that qualifies is due to every target, at once', async () => {
      expect(await commitChanges(place.store, change('parcel', 0, { delivery: DUE }))).toBe(TARGETS.length);
      for (const target of TARGETS) {
        expect(await read(target)).toEqual({
          target,
          entityId: 'parcel',
          status: 'pending',
          dueVersion: 1,
          deliveredVersion: null,
          attempts: 0,
          nextAttemptAtMs: place.clock.now(),
          dueSinceMs: place.clock.now(),
          lastStatus: null,
          lastError: null,
          lastAnswer: null,
        });
      }
    });

    it('an unchanged state makes nothing due', async () => {
      expect(await commitChanges(place.store, change('parcel', 0, { delivery: UNCHANGED }))).toBe(0);
      expect(await read()).toBeNull();
    });

    it('an unchanged state leaves a delivery as it is', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const before = await read();
      place.clock.nowMs += 5_000;
      await commitChanges(place.store, change('parcel', 1, { delivery: UNCHANGED }));
      expect(await read()).toEqual(before);
      expect(await claimOnly(place.store)).toMatchObject({ version: 1 });
    });

    it('a newer state replaces an older one that waits', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await settle(await claimOnly(place.store), { retryAtMs: place.clock.now() + 60_000 });
      place.clock.nowMs += 1_000;

      await commitChanges(place.store, change('parcel', 1, { delivery: DUE, row: ['Bergen', null, 7] }));

      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        attempts: 0,
        nextAttemptAtMs: place.clock.now(),
      });
      expect(await claimOnly(place.store)).toMatchObject({
        version: 2,
        attempt: 1,
        row: ['Bergen', null, 7],
        dueSinceMs: place.clock.now(),
      });
    });

    it('a newer state is due after an older one was delivered', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await settle(await claimOnly(place.store), 'delivered');
      expect(await commitChanges(place.store, change('parcel', 1, { delivery: DUE }))).toBe(TARGETS.length);
      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        deliveredVersion: 1,
        attempts: 0,
      });
    });

    it('a newer state is due after an older one was given up', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await settle(await claimOnly(place.store), 'dead');
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        deliveredVersion: null,
        attempts: 0,
      });
      expect(await claimOnly(place.store)).toMatchObject({ version: 2, attempt: 1 });
    });

    it('a newer state waits for the older one that is being sent, and is due once that is settled', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const older = await claimOnly(place.store);
      place.clock.nowMs += 1_000;
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));

      const request = {
        target: TARGET,
        claimant: 'other',
        limit: 10,
        leaseMs: LEASE_MS,
      };
      expect(await claimDue(place.store, request)).toEqual([]);
      expect(await read()).toMatchObject({
        dueVersion: 2,
        attempts: 0,
        nextAttemptAtMs: older.dueSinceMs + LEASE_MS,
      });

      place.clock.nowMs += 1_000;
      await settle(older, 'delivered');
      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        deliveredVersion: 1,
        attempts: 0,
        nextAttemptAtMs: place.clock.now(),
      });
      expect(await claimOnly(place.store, 'other')).toMatchObject({ version: 2, attempt: 1 });
    });

    it.each(['dead', 'retry'] as const)(
      'a newer state is due at once if the older one ends as %s',
      async (end) => {
        await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
        const older = await claimOnly(place.store);
        await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
        place.clock.nowMs += 1_000;

        await settle(older, end === 'dead' ? 'dead' : { retryAtMs: place.clock.now() + 60_000 });

        expect(await read()).toMatchObject({
          status: 'pending',
          dueVersion: 2,
          deliveredVersion: null,
          attempts: 0,
          nextAttemptAtMs: place.clock.now(),
        });
      },
    );

    it('a newer state is due at once if the claim of the older one ran out', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const older = await claimOnly(place.store);
      place.clock.nowMs += LEASE_MS;
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      expect(await read()).toMatchObject({ dueVersion: 2, nextAttemptAtMs: place.clock.now() });

      const newer = await claimOnly(place.store, 'other');
      await settle(older, 'delivered');
      expect(newer).toMatchObject({ version: 2, attempt: 1 });
      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        deliveredVersion: 1,
        attempts: 1,
        nextAttemptAtMs: place.clock.now() + LEASE_MS,
      });
    });
  });

  describe('a state that qualifies for one of the targets', () => {
    const place = usePlace(harness);
    const read = (target: string) => place.store.readDelivery(target, 'parcel');
    const only = { hasChanged: true, qualifiesFor: [TARGETS[1]] };

    it('a state that qualifies for one target is due to that one alone, and so are the states after it', async () => {
      expect(await commitChanges(place.store, change('parcel', 0, { delivery: only }))).toBe(1);
      expect(await read(TARGETS[0])).toBeNull();
      expect(await read(TARGETS[1])).toMatchObject({ status: 'pending', dueVersion: 1 });
      expect(await commitChanges(place.store, change('parcel', 1, { delivery: NOT_READY }))).toBe(1);
      expect(await read(TARGETS[0])).toBeNull();
      expect(await read(TARGETS[1])).toMatchObject({ dueVersion: 2 });
    });

    it('a state that qualifies for one target is due to the others too if an earlier one was due to them', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      expect(await commitChanges(place.store, change('parcel', 1, { delivery: only }))).toBe(TARGETS.length);
      for (const target of TARGETS) expect(await read(target)).toMatchObject({ dueVersion: 2 });
    });
  });

  describe('a state that no longer qualifies', () => {
    const place = usePlace(harness);
    const read = (target: string = TARGET) => place.store.readDelivery(target, 'parcel');
    const withdraw = (fromVersion: number) =>
      commitChanges(
        place.store,
        change('parcel', fromVersion, { delivery: NOT_READY, row: ['lost', null, null] }),
      );

    it('a state that does not qualify is due to nobody if no earlier one was', async () => {
      expect(await withdraw(0)).toBe(0);
      expect(await withdraw(1)).toBe(0);
      expect(await read()).toBeNull();
    });

    it('a state that no longer qualifies replaces one that was due, attempted or not', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      place.clock.nowMs += 1_000;
      expect(await withdraw(1)).toBe(TARGETS.length);
      for (const target of TARGETS) {
        expect(await read(target)).toMatchObject({
          status: 'pending',
          dueVersion: 2,
          dueSinceMs: place.clock.now(),
          nextAttemptAtMs: place.clock.now(),
        });
      }
      expect(await claimOnly(place.store)).toMatchObject({
        version: 2,
        attempt: 1,
        row: ['lost', null, null],
      });
    });

    it('many states that no longer qualify are due at once, each in its own version', async () => {
      const ids = Array.from({ length: 1_100 }, (_, index) => `parcel ${String(index).padStart(4, '0')}`);
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const lost = ids.map((id, index) => {
        const events = Array.from({ length: 1 + (index % 3) }, (_, more) => event(id, 2 + more));
        return change(id, 1, { delivery: NOT_READY, events });
      });
      expect(await commitChanges(place.store, ...lost)).toBe(ids.length * TARGETS.length);
      for (const index of [0, 1, 2, 700, 1_099]) {
        const id = ids[index] ?? '';
        expect(await place.store.readDelivery(TARGET, id)).toMatchObject({ dueVersion: 2 + (index % 3) });
      }
    });

    it('a state that no longer qualifies is due if an attempt was made, whatever its result', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const attempted = await claimOnly(place.store);
      const retry = { retryAtMs: place.clock.now() + 60_000 };
      await place.store.settleDeliveries([settlement(attempted, retry)]);
      expect(await withdraw(1)).toBe(TARGETS.length);
      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        nextAttemptAtMs: place.clock.now(),
      });
    });

    it('a state that no longer qualifies is due if only an older version was ever attempted', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'dead')]);
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      expect(await withdraw(2)).toBe(TARGETS.length);
      expect(await read()).toMatchObject({ status: 'pending', dueVersion: 3, attempts: 0 });
    });

    it('a state that no longer qualifies waits for the older one that is being sent', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const older = await claimOnly(place.store);
      expect(await withdraw(1)).toBe(TARGETS.length);
      expect(await read()).toMatchObject({ dueVersion: 2, nextAttemptAtMs: place.clock.now() + LEASE_MS });
      await place.store.settleDeliveries([settlement(older, 'delivered')]);
      expect(await read()).toMatchObject({
        dueVersion: 2,
        nextAttemptAtMs: place.clock.now(),
        deliveredVersion: 1,
      });
    });

    it('a state that no longer qualifies is due after a claim that was never settled', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await claimOnly(place.store);
      place.clock.nowMs += LEASE_MS;
      expect(await withdraw(1)).toBe(TARGETS.length);
      expect(await read()).toMatchObject({ dueVersion: 2, nextAttemptAtMs: place.clock.now() });
    });
  });
}
