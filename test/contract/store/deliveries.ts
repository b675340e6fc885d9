import { describe, expect, it } from 'vitest';
import type { ClaimedDelivery, DeliverySettlement, Store } from '../../../src/ports/store.ts';
import {
  asNumber,
  change,
  commitChanges,
  type StoreHarness,
  type StorePlace,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

export const LEASE_MS = 30_000;

/** Claims the one delivery that is due to the target. */
export async function claimOnly(
  store: Store,
  place: StorePlace,
  claimant = 'claimant',
): Promise<ClaimedDelivery> {
  const claimed = await store.claimDeliveries({
    target: TARGET,
    claimant,
    limit: 10,
    nowMs: place.clock.now(),
    leaseMs: LEASE_MS,
  });
  const [only] = claimed;
  if (only === undefined || claimed.length > 1) throw new Error(`Expected one claim, got ${claimed.length}.`);
  return only;
}

export function settlement(
  delivery: ClaimedDelivery,
  next: DeliverySettlement['next'],
  facts: Partial<DeliverySettlement> = {},
): DeliverySettlement {
  return {
    delivery,
    deliveryId: `delivery of ${delivery.version}`,
    attemptedAtMs: 1_000,
    verdict: next === 'delivered' ? 'delivered' : next === 'dead' ? 'park' : 'retry',
    status: next === 'delivered' ? 200 : 503,
    latencyMs: 12.5,
    answer: '{"ok":1}',
    error: next === 'delivered' ? null : 'It answered 503.',
    next,
    ...facts,
  };
}

export function describeDeliveries(harness: StoreHarness): void {
  describe('a state', () => {
    const place = usePlace(harness);
    const read = (target: string = TARGET) => place.store.readDelivery(target, 'parcel');
    const settle = (delivery: ClaimedDelivery, next: DeliverySettlement['next']) =>
      place.store.settleDeliveries([settlement(delivery, next)]);

    it('that is due is due to every target, at once', async () => {
      expect(await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }))).toBe(TARGETS.length);
      for (const target of TARGETS) {
        expect(await read(target)).toEqual({
          target,
          entityId: 'parcel',
          status: 'pending',
          dueVersion: 1,
          deliveredVersion: null,
          attempts: 0,
          nextAttemptAtMs: place.clock.now(),
          lastError: null,
        });
        expect(await place.store.nextDeliveryDueMs(target)).toBe(place.clock.now());
      }
    });

    it('that did not change makes nothing due', async () => {
      expect(await commitChanges(place.store, change('parcel', 0, { delivery: 'none' }))).toBe(0);
      expect(await read()).toBeNull();
      expect(await place.store.nextDeliveryDueMs(TARGET)).toBeNull();
    });

    it('that did not change leaves a delivery as it is', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const before = await read();
      place.clock.nowMs += 5_000;
      await commitChanges(place.store, change('parcel', 1, { delivery: 'none' }));
      expect(await read()).toEqual(before);
      expect(await claimOnly(place.store, place)).toMatchObject({ version: 1 });
    });

    it('takes the place of an older one that waits', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      await settle(await claimOnly(place.store, place), { retryAtMs: place.clock.now() + 60_000 });
      place.clock.nowMs += 1_000;

      await commitChanges(place.store, change('parcel', 1, { delivery: 'due', row: ['Bergen', null, 7] }));

      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        attempts: 0,
        nextAttemptAtMs: place.clock.now(),
      });
      expect(await claimOnly(place.store, place)).toMatchObject({
        version: 2,
        attempt: 1,
        row: ['Bergen', null, 7],
        dueSinceMs: place.clock.now(),
      });
    });

    it('is due again after an older one was delivered', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      await settle(await claimOnly(place.store, place), 'delivered');
      expect(await commitChanges(place.store, change('parcel', 1, { delivery: 'due' }))).toBe(TARGETS.length);
      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        deliveredVersion: 1,
        attempts: 0,
      });
    });

    it('is due again after an older one was given up', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      await settle(await claimOnly(place.store, place), 'dead');
      await commitChanges(place.store, change('parcel', 1, { delivery: 'due' }));
      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        deliveredVersion: null,
        attempts: 0,
      });
      expect(await claimOnly(place.store, place)).toMatchObject({ version: 2, attempt: 1 });
    });

    it('waits for the older one that is being sent, and is due as soon as that is settled', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const older = await claimOnly(place.store, place);
      place.clock.nowMs += 1_000;
      await commitChanges(place.store, change('parcel', 1, { delivery: 'due' }));

      const request = {
        target: TARGET,
        claimant: 'other',
        limit: 10,
        nowMs: place.clock.now(),
        leaseMs: LEASE_MS,
      };
      expect(await place.store.claimDeliveries(request)).toEqual([]);
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
      expect(await claimOnly(place.store, place, 'other')).toMatchObject({ version: 2, attempt: 1 });
    });

    it.each(['dead', 'retry'] as const)('is due at once if the older one ends as %s', async (end) => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const older = await claimOnly(place.store, place);
      await commitChanges(place.store, change('parcel', 1, { delivery: 'due' }));
      place.clock.nowMs += 1_000;

      await settle(older, end === 'dead' ? 'dead' : { retryAtMs: place.clock.now() + 60_000 });

      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        deliveredVersion: null,
        attempts: 0,
        nextAttemptAtMs: place.clock.now(),
      });
    });

    it('is due at once if the claim of the older one ran out', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const older = await claimOnly(place.store, place);
      place.clock.nowMs += LEASE_MS;
      await commitChanges(place.store, change('parcel', 1, { delivery: 'due' }));
      expect(await read()).toMatchObject({ dueVersion: 2, nextAttemptAtMs: place.clock.now() });

      const newer = await claimOnly(place.store, place, 'other');
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

  describe('a state that no longer qualifies', () => {
    const place = usePlace(harness);
    const read = (target: string = TARGET) => place.store.readDelivery(target, 'parcel');
    const withdraw = (fromVersion: number) =>
      commitChanges(
        place.store,
        change('parcel', fromVersion, { delivery: 'due_if_sent', row: ['lost', null, null] }),
      );

    it('is due to nobody if there never was a delivery', async () => {
      expect(await withdraw(0)).toBe(0);
      expect(await read()).toBeNull();
    });

    it('takes back what was due but never attempted', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      expect(await withdraw(1)).toBe(0);
      for (const target of TARGETS) expect(await read(target)).toBeNull();
      expect(await place.store.nextDeliveryDueMs(TARGET)).toBeNull();
      expect(await place.store.counts()).toMatchObject({ deliveriesPending: 0 });
    });

    it('is due to the target that has an earlier state, and taken back from the one that has none', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const sent = await claimOnly(place.store, place);
      await place.store.settleDeliveries([settlement(sent, 'delivered')]);

      expect(await withdraw(1)).toBe(1);

      expect(await read(TARGETS[0])).toMatchObject({ status: 'pending', dueVersion: 2, deliveredVersion: 1 });
      expect(await read(TARGETS[1])).toBeNull();
      expect(await claimOnly(place.store, place)).toMatchObject({ version: 2, row: ['lost', null, null] });
    });

    it('is due where an attempt was made, whatever came of it', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const attempted = await claimOnly(place.store, place);
      const retry = { retryAtMs: place.clock.now() + 60_000 };
      await place.store.settleDeliveries([settlement(attempted, retry)]);
      expect(await withdraw(1)).toBe(1);
      expect(await read()).toMatchObject({
        status: 'pending',
        dueVersion: 2,
        nextAttemptAtMs: place.clock.now(),
      });
    });

    it('is due where only an older version was ever attempted', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store, place), 'dead')]);
      await commitChanges(place.store, change('parcel', 1, { delivery: 'due' }));
      expect(await withdraw(2)).toBe(1);
      expect(await read()).toMatchObject({ status: 'pending', dueVersion: 3, attempts: 0 });
    });

    it('waits for the older state that is being sent', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const older = await claimOnly(place.store, place);
      expect(await withdraw(1)).toBe(1);
      expect(await read()).toMatchObject({ dueVersion: 2, nextAttemptAtMs: place.clock.now() + LEASE_MS });
      await place.store.settleDeliveries([settlement(older, 'delivered')]);
      expect(await read()).toMatchObject({
        dueVersion: 2,
        nextAttemptAtMs: place.clock.now(),
        deliveredVersion: 1,
      });
    });

    it('is due after a claim that was never settled', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      await claimOnly(place.store, place);
      place.clock.nowMs += LEASE_MS;
      expect(await withdraw(1)).toBe(1);
      expect(await read()).toMatchObject({ dueVersion: 2, nextAttemptAtMs: place.clock.now() });
    });
  });

  describe('a settlement', () => {
    const place = usePlace(harness);
    const read = () => place.store.readDelivery(TARGET, 'parcel');
    const attempts = () =>
      harness.rawQuery(
        'SELECT version, attempt, verdict, status, error FROM delivery_attempts ORDER BY version, attempt',
      );

    it('as delivered leaves nothing to do', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store, place), 'delivered')]);
      expect(await read()).toEqual({
        target: TARGET,
        entityId: 'parcel',
        status: 'delivered',
        dueVersion: 1,
        deliveredVersion: 1,
        attempts: 1,
        nextAttemptAtMs: null,
        lastError: null,
      });
      expect(await place.store.nextDeliveryDueMs(TARGET)).toBeNull();
      expect(await place.store.counts()).toMatchObject({ deliveriesDelivered: 1, deliveriesPending: 1 });
    });

    it('as dead leaves nothing to do, and says why', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store, place), 'dead')]);
      expect(await read()).toMatchObject({
        status: 'dead',
        deliveredVersion: null,
        attempts: 1,
        nextAttemptAtMs: null,
        lastError: 'It answered 503.',
      });
      expect(await place.store.nextDeliveryDueMs(TARGET)).toBeNull();
      expect(await place.store.counts()).toMatchObject({ deliveriesDead: 1 });
    });

    it('as retry is due when it says, not before, as the next attempt of the same version', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const retryAtMs = place.clock.now() + 90_000;
      await place.store.settleDeliveries([settlement(await claimOnly(place.store, place), { retryAtMs })]);
      expect(await read()).toMatchObject({
        status: 'pending',
        nextAttemptAtMs: retryAtMs,
        lastError: 'It answered 503.',
      });
      expect(await place.store.nextDeliveryDueMs(TARGET)).toBe(retryAtMs);

      place.clock.nowMs = retryAtMs - 1;
      await expect(claimOnly(place.store, place)).rejects.toThrow('got 0');
      place.clock.nowMs = retryAtMs;
      expect(await claimOnly(place.store, place)).toMatchObject({ version: 1, attempt: 2 });
    });

    it('writes every attempt to the ledger', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const first = await claimOnly(place.store, place);
      await place.store.settleDeliveries([
        settlement(
          first,
          { retryAtMs: place.clock.now() },
          { status: null, error: "No answer: it's down — 😀" },
        ),
      ]);
      await place.store.settleDeliveries([settlement(await claimOnly(place.store, place), 'delivered')]);
      const rows = await attempts();
      expect(rows.map((row) => [asNumber(row.version), asNumber(row.attempt), String(row.verdict)])).toEqual([
        [1, 1, 'retry'],
        [1, 2, 'delivered'],
      ]);
      expect([rows[0]?.status, String(rows[0]?.error)]).toEqual([null, "No answer: it's down — 😀"]);
      expect([asNumber(rows[1]?.status), rows[1]?.error]).toEqual([200, null]);
    });

    it.each([
      ['retry', { retryAtMs: 5 }],
      ['dead', 'dead'],
      ['delivered', 'delivered'],
    ] as const)('as %s of a claim that has passed on is only recorded', async (_end, next) => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const late = await claimOnly(place.store, place, 'slow');
      place.clock.nowMs += LEASE_MS;
      const present = await claimOnly(place.store, place, 'quick');
      expect(present.attempt).toBe(2);
      const before = await read();

      await place.store.settleDeliveries([settlement(late, next)]);

      expect(await read()).toEqual({ ...before, deliveredVersion: next === 'delivered' ? 1 : null });
      expect(await attempts()).toHaveLength(1);
      await place.store.settleDeliveries([settlement(present, 'delivered')]);
      expect(await read()).toMatchObject({ status: 'delivered', deliveredVersion: 1, attempts: 2 });
      expect(await attempts()).toHaveLength(2);
    });

    it.each([1, 2])(
      'of a claim that ran out leaves the same claimant its new claim (of version %i)',
      async (version) => {
        await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
        const late = await claimOnly(place.store, place);
        place.clock.nowMs += LEASE_MS;
        if (version === 2) await commitChanges(place.store, change('parcel', 1, { delivery: 'due' }));
        expect(await claimOnly(place.store, place)).toMatchObject({ version });
        const before = await read();
        place.clock.nowMs += 1;

        await place.store.settleDeliveries([settlement(late, { retryAtMs: place.clock.now() })]);

        expect(await read()).toMatchObject({ nextAttemptAtMs: before?.nextAttemptAtMs, status: 'pending' });
        await expect(claimOnly(place.store, place, 'other')).rejects.toThrow('got 0');
      },
    );

    it('never lowers the delivered version', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: 'due' }));
      const late = await claimOnly(place.store, place, 'slow');
      place.clock.nowMs += LEASE_MS;
      await commitChanges(place.store, change('parcel', 1, { delivery: 'due' }));
      await place.store.settleDeliveries([
        settlement(await claimOnly(place.store, place, 'quick'), 'delivered'),
      ]);
      await place.store.settleDeliveries([settlement(late, 'delivered')]);
      expect(await read()).toMatchObject({ status: 'delivered', dueVersion: 2, deliveredVersion: 2 });
    });

    it('settles many at once, and none', async () => {
      const ids = ['a', 'B', 'b', 'b '];
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: 'due' })));
      const request = {
        target: TARGET,
        claimant: 'one',
        limit: 10,
        nowMs: place.clock.now(),
        leaseMs: LEASE_MS,
      };
      const claimed = await place.store.claimDeliveries(request);
      await place.store.settleDeliveries([]);
      await place.store.settleDeliveries(
        claimed.map((delivery) => settlement(delivery, delivery.entityId === 'b' ? 'dead' : 'delivered')),
      );
      expect(await place.store.counts()).toMatchObject({ deliveriesDelivered: 3, deliveriesDead: 1 });
      expect((await place.store.readDelivery(TARGET, 'b'))?.status).toBe('dead');
    });
  });
}
