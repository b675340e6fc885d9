import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { claimDue } from '../../contract/store/delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  parcelMigration,
  TARGET,
  TARGETS,
} from '../../contract/store/fixtures.ts';
import { SqliteHarness } from './harness.ts';

const HOUR_MS = 3_600_000;
const harness = new SqliteHarness();
afterEach(() => harness.cleanup());

it.each([HOUR_MS, -HOUR_MS])(
  'ends and prolongs no lease when the machine’s clock is set by %i ms',
  async (byMs) => {
    const clock = { ...systemClock, offMs: 0, now: () => systemClock.now() + clock.offMs };
    await harness.open({ clock, targets: TARGETS });
    const open = async () => {
      const store = openSqliteStore({ file: harness.file, clock, targets: TARGETS });
      await store.migrate(parcelMigration(clock));
      return store;
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
