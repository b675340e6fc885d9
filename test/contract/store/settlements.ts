import { describe, expect, it } from 'vitest';
import { claimDue, claimOnly, LEASE_MS, settlement } from './delivery-helpers.ts';
import { asNumber, change, commitChanges, DUE, type StoreHarness, TARGET, usePlace } from './fixtures.ts';

export function describeSettlements(harness: StoreHarness): void {
  describe('a settlement', () => {
    const place = usePlace(harness);
    const read = () => place.store.readDelivery(TARGET, 'parcel');
    const attempts = () =>
      harness.rawQuery(
        'SELECT version, attempt, verdict, status, error FROM delivery_attempts ORDER BY version, attempt',
      );

    it('a settlement as delivered leaves nothing to do', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'delivered')]);
      expect(await read()).toEqual({
        target: TARGET,
        entityId: 'parcel',
        status: 'delivered',
        dueVersion: 1,
        deliveredVersion: 1,
        attempts: 1,
        nextAttemptAtMs: null,
        dueSinceMs: place.clock.now(),
        lastStatus: 200,
        lastError: null,
        lastAnswer: null,
      });
      expect(await place.store.counts()).toMatchObject({ deliveriesDelivered: 1, deliveriesPending: 1 });
    });

    it('a settlement as dead leaves nothing to do, and says why', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'dead')]);
      expect(await read()).toMatchObject({
        status: 'dead',
        deliveredVersion: null,
        attempts: 1,
        nextAttemptAtMs: null,
        lastError: 'It answered 503.',
      });
      expect(await place.store.counts()).toMatchObject({ deliveriesDead: 1 });
    });

    it('a retry is due at its time, not before, as the next attempt of the same version', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const retryAtMs = place.clock.now() + 90_000;
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), { retryAtMs })]);
      expect(await read()).toMatchObject({
        status: 'pending',
        nextAttemptAtMs: retryAtMs,
        lastError: 'It answered 503.',
      });

      place.clock.nowMs = retryAtMs - 1;
      await expect(claimOnly(place.store)).rejects.toThrow('got 0');
      place.clock.nowMs = retryAtMs;
      expect(await claimOnly(place.store)).toMatchObject({ version: 1, attempt: 2 });
    });

    it.each([
      ['answers of 200 and 202', 72, { next: 'delivered', status: 202, error: null }],
      ['answers of 200 and 202 to two claimants', 36, { next: 'delivered', status: 202, error: null }],
      ['retries after an answer of 200', 72, { next: 'retry', status: 200, error: 'No.' }],
      ['retries after an answer of 200 to two claimants', 36, { next: 'retry', status: 200, error: 'No.' }],
    ] as const)('a settlement of many ends each as it says: %s', async (_what, limit, other) => {
      const ids = Array.from({ length: 72 }, (_, number) => `parcel ${number}`);
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const claim = { target: TARGET, limit, leaseMs: LEASE_MS };
      const claimed = await claimDue(place.store, { ...claim, claimant: 'one' });
      claimed.push(...(await claimDue(place.store, { ...claim, claimant: 'another' })));
      expect(claimed).toHaveLength(72);
      const { status, error } = other;
      const next = other.next === 'retry' ? { retryAtMs: place.clock.now() + 1_000 } : other.next;
      await place.store.settleDeliveries(
        claimed.map((delivery, index) =>
          index % 3 === 1 ? settlement(delivery, next, { status, error }) : settlement(delivery, 'delivered'),
        ),
      );
      const odd = { status: other.next === 'retry' ? 'pending' : 'delivered', lastStatus: status };
      for (const [index, { entityId }] of claimed.entries()) {
        expect(await place.store.readDelivery(TARGET, entityId)).toMatchObject(
          index % 3 === 1 ? odd : { status: 'delivered', lastStatus: 200 },
        );
      }
      expect(await attempts()).toHaveLength(72);
    });

    it('an uncounted retry writes its attempt to the ledger and gives its number back', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const retry = (isCounted: boolean) => ({ retryAtMs: place.clock.now(), isCounted });
      for (const [isCounted, attempt, left] of [
        [true, 1, 1],
        [false, 2, 1],
        [false, 2, 1],
        [true, 2, 2],
        [false, 3, 2],
      ] as const) {
        place.clock.nowMs += 1_000;
        const claimed = await claimOnly(place.store, `at ${place.clock.nowMs}`);
        expect(claimed).toMatchObject({ attempt });
        const facts = { attemptedAtMs: place.clock.nowMs };
        await place.store.settleDeliveries([settlement(claimed, retry(isCounted), facts)]);
        expect(await read()).toMatchObject({ status: 'pending', attempts: left });
      }
      expect((await attempts()).map((row) => asNumber(row.attempt))).toEqual([1, 2, 2, 2, 3]);
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'delivered')]);
      expect(await read()).toMatchObject({ status: 'delivered', attempts: 3 });
    });

    it('an uncounted retry takes nothing from a newer version or a later claim', async () => {
      await commitChanges(place.store, change('newer', 0, { delivery: DUE }));
      const settle = async (late: Awaited<ReturnType<typeof claimOnly>>) =>
        place.store.settleDeliveries([
          settlement(late, { retryAtMs: place.clock.now(), isCounted: false }, { status: 503 }),
        ]);
      const late = await claimOnly(place.store, 'slow');
      await commitChanges(place.store, change('newer', 1, { delivery: DUE }));
      await settle(late);
      expect(await place.store.readDelivery(TARGET, 'newer')).toMatchObject({ dueVersion: 2, attempts: 0 });
      const passedOn = await claimOnly(place.store, 'slow again');
      place.clock.nowMs += LEASE_MS;
      await claimOnly(place.store, 'quick');
      await settle(passedOn);
      expect(await place.store.readDelivery(TARGET, 'newer')).toMatchObject({ attempts: 2 });
    });

    it('every attempt is written to the ledger', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const first = await claimOnly(place.store);
      await place.store.settleDeliveries([
        settlement(
          first,
          { retryAtMs: place.clock.now() },
          { status: null, error: "No answer: it's down — 😀" },
        ),
      ]);
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'delivered')]);
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
    ] as const)('a settlement as %s of a claim that was lost is only recorded', async (_end, next) => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const late = await claimOnly(place.store, 'slow');
      place.clock.nowMs += LEASE_MS;
      const present = await claimOnly(place.store, 'quick');
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
      'a settlement of a claim that ran out leaves the claimant its new claim (of version %i)',
      async (version) => {
        await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
        const late = await claimOnly(place.store);
        place.clock.nowMs += LEASE_MS;
        if (version === 2) await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
        expect(await claimOnly(place.store)).toMatchObject({ version });
        const before = await read();
        place.clock.nowMs += 1;

        await place.store.settleDeliveries([settlement(late, { retryAtMs: place.clock.now() })]);

        expect(await read()).toMatchObject({ nextAttemptAtMs: before?.nextAttemptAtMs, status: 'pending' });
        await expect(claimOnly(place.store, 'other')).rejects.toThrow('got 0');
      },
    );

    it('a second settlement of a claim changes nothing', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const claimed = await claimOnly(place.store);
      await place.store.settleDeliveries([settlement(claimed, 'delivered')]);
      const before = await read();
      await place.store.settleDeliveries([settlement(claimed, { retryAtMs: place.clock.now() })]);
      expect(await read()).toEqual(before);
    });

    it('a late settlement never lowers the delivered version', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const late = await claimOnly(place.store, 'slow');
      place.clock.nowMs += LEASE_MS;
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store, 'quick'), 'delivered')]);
      await place.store.settleDeliveries([settlement(late, 'delivered')]);
      expect(await read()).toMatchObject({ status: 'delivered', dueVersion: 2, deliveredVersion: 2 });
    });

    it('a settlement of a version that the store has lost is only recorded', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store, 'first'), 'delivered')]);
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      const claimed = await claimOnly(place.store, 'second');
      const before = await read();

      const lost = { ...claimed, version: 3, claimant: 'before the store went back' };
      await place.store.settleDeliveries([settlement(lost, 'delivered')]);

      expect(await read()).toEqual(before);
      expect(await attempts()).toHaveLength(2);
      await place.store.settleDeliveries([settlement(claimed, 'delivered')]);
      expect(await read()).toMatchObject({ status: 'delivered', dueVersion: 2, deliveredVersion: 2 });
    });

    it('many claims are settled at once, or none', async () => {
      const ids = ['a', 'B', 'b', 'b '];
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const request = {
        target: TARGET,
        claimant: 'one',
        limit: 10,
        leaseMs: LEASE_MS,
      };
      const claimed = await claimDue(place.store, request);
      await place.store.settleDeliveries([]);
      await place.store.settleDeliveries(
        claimed.map((delivery) => settlement(delivery, delivery.entityId === 'b' ? 'dead' : 'delivered')),
      );
      expect(await place.store.counts()).toMatchObject({ deliveriesDelivered: 3, deliveriesDead: 1 });
      expect((await place.store.readDelivery(TARGET, 'b'))?.status).toBe('dead');
    });

    it('a settlement of many delivered claims leaves alone those with a newer version or another claim', async () => {
      const ids = Array.from({ length: 100 }, (_, index) => `parcel ${String(index).padStart(2, '0')}`);
      const [newer, reclaimed] = ['parcel 07', 'parcel 50'];
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const request = { target: TARGET, limit: 100, leaseMs: LEASE_MS, attempts: 'first' } as const;
      const claimed = await place.store.claimDeliveries({
        ...request,
        claimant: 'one',
      });
      expect(claimed).toHaveLength(100);
      await commitChanges(place.store, change(newer, 1, { row: ['Bergen', false, null], delivery: DUE }));
      const others = claimed.filter(({ entityId }) => entityId !== reclaimed);
      await place.store.releaseDeliveries(claimed.filter(({ entityId }) => entityId === reclaimed));
      const [again] = await place.store.claimDeliveries({
        ...request,
        claimant: 'two',
      });
      expect(again).toMatchObject({ entityId: reclaimed, claimant: 'two', attempt: 1 });

      for (let time = 0; time < 2; time++) {
        await place.store.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'delivered')));
        expect(await place.store.readDelivery(TARGET, newer)).toMatchObject({
          status: 'pending',
          dueVersion: 2,
          deliveredVersion: 1,
          attempts: 0,
          nextAttemptAtMs: place.clock.now(),
        });
        // The other claim is still valid, although the state of the first one has arrived.
        expect(await place.store.readDelivery(TARGET, reclaimed)).toMatchObject({
          status: 'pending',
          deliveredVersion: 1,
          attempts: 1,
          nextAttemptAtMs: place.clock.now() + LEASE_MS,
        });
        const done = others.filter(({ entityId }) => entityId !== newer);
        for (const { entityId } of done) {
          expect(await place.store.readDelivery(TARGET, entityId), entityId).toMatchObject({
            status: 'delivered',
            deliveredVersion: 1,
          });
        }
        expect(await attempts()).toHaveLength(100);
      }
    });
  });

  describe('a delivery that the ledger has lost', () => {
    const place = usePlace(harness);

    /** A claimed delivery whose row is gone, as after a restore from an older backup. */
    async function lost() {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const claimed = await claimOnly(place.store);
      await harness.rawQuery("DELETE FROM deliveries WHERE entity_id = 'parcel'");
      return claimed;
    }

    /** The next state is claimed like any other, so nothing of the lost claim is left. */
    async function expectClean(): Promise<void> {
      expect(await place.store.readDelivery(TARGET, 'parcel')).toBeNull();
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      expect(await claimOnly(place.store, 'next')).toMatchObject({ version: 2, attempt: 1 });
    }

    it.each(['delivered', 'dead', 'later'] as const)(
      'a settlement as %s makes no row for it, and its next state is claimed',
      async (outcome) => {
        const claimed = await lost();
        const next = outcome === 'later' ? { retryAtMs: place.clock.now() } : outcome;
        await place.store.settleDeliveries([settlement(claimed, next)]);
        await expectClean();
      },
    );

    it('giving it back makes no row for it, and its next state is claimed', async () => {
      await place.store.releaseDeliveries([await lost()]);
      await expectClean();
    });
  });
}
