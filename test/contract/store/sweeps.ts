import { describe, expect, it } from 'vitest';
import type { SweepClaim, SweepResult } from '../../../src/ports/sweeps.ts';
import { type StoreHarness, TARGET, TARGETS, usePlace } from './fixtures.ts';

const LEASE_MS = 10_000;

export function describeSweeps(harness: StoreHarness): void {
  describe('the sweeps of a target', () => {
    const place = usePlace(harness);

    const read = (target: string = TARGET) => place.store.readSweep(target);
    const claimBy = (claimant: string, facts: Partial<SweepClaim> = {}) => ({
      target: TARGET,
      claimant,
      waitsSinceMs: place.clock.now(),
      leaseMs: LEASE_MS,
      ...facts,
    });
    const result = (endedAtMs: number): SweepResult => ({
      beganAtMs: endedAtMs - 5,
      endedAtMs,
      outcome: 'gave_up',
      error: 'It’s “down” — 😀.',
      compared: 1,
      inFlight: 2,
      dead: 3,
      missing: 4,
      older: 5,
      different: 6,
      unrecorded: 11,
      unexpected: 7,
      newer: 8,
      madeDue: 9,
      healed: 10,
    });

    it('the wait for a sweep begins when any instance first sees the target', async () => {
      const seenMs = place.clock.now();
      expect(await read()).toEqual({ waitsSinceMs: seenMs, waitedMs: 0, last: null });
      place.clock.nowMs += 1_000;
      const other = await place.another();
      expect(await other.readSweep(TARGET)).toEqual({
        waitsSinceMs: seenMs,
        waitedMs: 1_000,
        last: null,
      });
      expect(await read(TARGETS[1])).toEqual({ waitsSinceMs: place.clock.now(), waitedMs: 0, last: null });
    });

    it('the beginning of the wait is recorded once if many instances see the target at the same time', async () => {
      const stores = [place.store, await place.another(), await place.another()];
      const seen = await Promise.all(stores.map((store) => store.readSweep(TARGET)));
      expect(new Set(seen.map(({ waitsSinceMs }) => waitsSinceMs)).size).toBe(1);
    });

    it('a sweep belongs to one claimant, who may prolong it, until its lease is over', async () => {
      const { waitsSinceMs } = await read();
      await read(TARGETS[1]);
      const other = await place.another();
      expect(await place.store.claimSweep(claimBy('one', { waitsSinceMs }))).toBe(true);
      expect(await other.claimSweep(claimBy('two', { waitsSinceMs }))).toBe(false);
      // The sweep of another target is not claimed yet.
      expect(await other.claimSweep(claimBy('two', { target: TARGETS[1] }))).toBe(true);
      place.clock.nowMs += LEASE_MS - 1;
      expect(await other.claimSweep(claimBy('two', { waitsSinceMs }))).toBe(false);
      expect(await place.store.claimSweep(claimBy('one', { waitsSinceMs }))).toBe(true);
      place.clock.nowMs += LEASE_MS - 1;
      expect(await other.claimSweep(claimBy('two', { waitsSinceMs }))).toBe(false);
      place.clock.nowMs += 1;
      expect(await other.claimSweep(claimBy('two', { waitsSinceMs }))).toBe(true);
      expect(await place.store.claimSweep(claimBy('one', { waitsSinceMs }))).toBe(false);
    });

    it('one of many claimants gets the sweep if all ask at once', async () => {
      const { waitsSinceMs } = await read();
      const stores = [place.store, await place.another(), await place.another()];
      const taken = await Promise.all(
        stores.flatMap((store, index) =>
          ['a', 'b'].map((name) => store.claimSweep(claimBy(`${name}${index}`, { waitsSinceMs }))),
        ),
      );
      expect(taken.filter((isTaken) => isTaken)).toHaveLength(1);
    });

    it('a sweep ends with a result that all can read, and the next wait begins when it is recorded', async () => {
      const { waitsSinceMs } = await read();
      await place.store.claimSweep(claimBy('one', { waitsSinceMs }));
      const endedAtMs = place.clock.now() + 2_000;
      place.clock.nowMs += 3_000;
      const recordedMs = place.clock.now();
      await place.store.endSweep({ target: TARGET, claimant: 'one', result: result(endedAtMs) });
      const other = await place.another();
      expect(await other.readSweep(TARGET)).toEqual({
        waitsSinceMs: recordedMs,
        waitedMs: 0,
        last: result(endedAtMs),
      });
      // A claimant with the time from before the end of the sweep does not begin another one.
      expect(await other.claimSweep(claimBy('two', { waitsSinceMs }))).toBe(false);
      expect(await other.claimSweep(claimBy('two', { waitsSinceMs: recordedMs }))).toBe(true);
    });

    it('a sweep may be given back without a result, and begun again at once', async () => {
      const { waitsSinceMs } = await read();
      await place.store.claimSweep(claimBy('one', { waitsSinceMs }));
      place.clock.nowMs += 1;
      await place.store.endSweep({ target: TARGET, claimant: 'one', result: result(waitsSinceMs + 1) });
      await place.store.claimSweep(claimBy('two', { waitsSinceMs: waitsSinceMs + 1 }));
      await place.store.endSweep({ target: TARGET, claimant: 'two', result: null });
      expect(await read()).toMatchObject({ waitsSinceMs: waitsSinceMs + 1, last: result(waitsSinceMs + 1) });
      expect(await place.store.claimSweep(claimBy('three', { waitsSinceMs: waitsSinceMs + 1 }))).toBe(true);
    });

    it('a claimant that lost its lease cannot end the sweep', async () => {
      const { waitsSinceMs } = await read();
      await place.store.claimSweep(claimBy('one', { waitsSinceMs }));
      place.clock.nowMs += LEASE_MS;
      await place.store.claimSweep(claimBy('two', { waitsSinceMs }));
      await place.store.endSweep({ target: TARGET, claimant: 'one', result: result(place.clock.now()) });
      await place.store.endSweep({ target: TARGET, claimant: 'one', result: null });
      expect(await read()).toMatchObject({ waitsSinceMs, last: null });
      expect(await place.store.claimSweep(claimBy('three', { waitsSinceMs }))).toBe(false);
    });
  });
}
