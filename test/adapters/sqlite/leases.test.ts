import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { MachineTime } from '../../../src/adapters/sqlite/store-time.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { claimDue, settlement } from '../../contract/store/delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  migrateParcels,
  TARGET,
  TARGETS,
} from '../../contract/store/fixtures.ts';
import { SqliteHarness } from './harness.ts';

const HOUR_MS = 3_600_000;
const harness = new SqliteHarness();
afterEach(() => harness.cleanup());

it.each([HOUR_MS, -HOUR_MS])(
  "setting the machine's clock by %i ms ends no lease and prolongs none",
  async (byMs) => {
    const clock = { ...systemClock, offMs: 0, now: () => systemClock.now() + clock.offMs };
    await harness.open({ clock, targets: TARGETS });
    const open = async () => {
      return migrateParcels(openSqliteStore({ file: harness.file, clock, targets: TARGETS }), clock);
    };
    const [one, two] = [await open(), await open()];
    const claim = (store: typeof one, claimant: string, limit: number, leaseMs: number) =>
      claimDue(store, { target: TARGET, claimant, limit, leaseMs });
    await commitChanges(one, ...['held', 'lost'].map((id) => change(id, 0, { delivery: DUE })));
    expect((await claim(one, 'held', 1, 120_000)).map(({ entityId }) => entityId)).toEqual(['held']);
    expect((await claim(one, 'lost', 1, 1)).map(({ entityId }) => entityId)).toEqual(['lost']);
    clock.offMs = byMs;
    await setTimeout(20);
    expect((await claim(two, 'after', 10, 120_000)).map(({ entityId }) => entityId)).toEqual(['lost']);
    await one.close();
    await two.close();
  },
);

it.each([HOUR_MS, -HOUR_MS])(
  "setting the machine's clock by %i ms changes neither the wait of a retry nor the time shown for it",
  async (byMs) => {
    const clock = { ...systemClock, offMs: 0, now: () => systemClock.now() + clock.offMs };
    await harness.open({ clock, targets: TARGETS });
    const open = async () => {
      return migrateParcels(openSqliteStore({ file: harness.file, clock, targets: TARGETS }), clock);
    };
    const one = await open();
    const claim = (store: typeof one) =>
      claimDue(store, { target: TARGET, claimant: 'one', limit: 10, leaseMs: 120_000 });
    await commitChanges(one, ...['soon', 'later'].map((id) => change(id, 0, { delivery: DUE })));
    const retryAtMs = (entityId: string) => clock.now() + (entityId === 'soon' ? 1 : 120_000);
    await one.settleDeliveries(
      (await claim(one)).map((delivery) => settlement(delivery, { retryAtMs: retryAtMs(delivery.entityId) })),
    );
    clock.offMs = byMs;
    await setTimeout(20);
    const two = await open();
    expect((await claim(two)).map(({ entityId }) => entityId)).toEqual(['soon']);
    expect(await claim(one)).toEqual([]);
    const shown = (await two.readDelivery(TARGET, 'later'))?.nextAttemptAtMs ?? 0;
    expect(shown - clock.now()).toBeGreaterThan(100_000);
    expect(shown - clock.now()).toBeLessThanOrEqual(120_010);
    await one.close();
    await two.close();
  },
);

describe('a machine that was started again', () => {
  it("a retry from before the machine started again is due by the machine's clock", async () => {
    const clock = { ...systemClock };
    await harness.open({ clock, targets: TARGETS });
    const open = async (bootId: string | null, startedMs: number) => {
      const monotonicMs = () => systemClock.now() - startedMs;
      const time = new MachineTime({ ...clock, monotonicMs }, bootId);
      return migrateParcels(openSqliteStore({ file: harness.file, clock, time, targets: TARGETS }), clock);
    };
    const claim = (store: Awaited<ReturnType<typeof open>>) =>
      claimDue(store, { target: TARGET, claimant: 'one', limit: 10, leaseMs: 120_000 });
    const before = await open('before', systemClock.now() - HOUR_MS);
    await commitChanges(before, ...['soon', 'later'].map((id) => change(id, 0, { delivery: DUE })));
    await before.settleDeliveries(
      (await claim(before)).map((delivery) =>
        settlement(delivery, {
          retryAtMs: clock.now() + (delivery.entityId === 'soon' ? 1 : 120_000),
        }),
      ),
    );
    await before.close();
    await setTimeout(20);
    const after = await open('after', systemClock.now());
    expect((await claim(after)).map(({ entityId }) => entityId)).toEqual(['soon']);
    await after.close();
  });
});
