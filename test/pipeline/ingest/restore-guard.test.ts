import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, vi } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { RecentPlaces } from '../../../src/pipeline/ingest/recent-places.ts';
import { RestoreGuard } from '../../../src/pipeline/ingest/restore-guard.ts';
import type { Checkpoint, ResumeDecision } from '../../../src/ports/checkpoints.ts';
import type { Store } from '../../../src/ports/store.ts';
import { MOVEMENTS, movements, Place, recordOf, WAITING, wrap } from './harness.ts';

describe('the offsets of the last seconds', () => {
  it('the offset of 15 s ago is known', () => {
    const places = new RecentPlaces();
    for (let second = 0; second <= 60; second++) places.note('a/0', BigInt(second * 10), second * 1_000);
    expect(places.before('a/0', 60_000)).toBe(450n);
    expect(places.before('a/0', 200_000)).toBe(600n);
  });

  it('the oldest known offset is given if none is 15 s old', () => {
    const places = new RecentPlaces();
    places.note('a/0', 7n, 1_000);
    places.note('a/0', 9n, 3_000);
    expect(places.before('a/0', 4_000)).toBe(7n);
    expect(places.before('b/0', 4_000)).toBeNull();
  });
});

describe('the guard of a restore', () => {
  const checkpoint = (nextOffset: bigint): Checkpoint => ({
    topic: 'a',
    partition: 0,
    topicId: 'topic-id-1',
    nextOffset,
    leaderEpoch: 0,
    epoch: 3n,
    haltReason: null,
    isNew: false,
  });

  function made() {
    const clock = new SeededClock({ seed: 1 });
    const decisions: ResumeDecision[] = [];
    const trouble = { isDown: false };
    const store: Pick<Store, 'resume'> = {
      resume: async (decision) => {
        if (trouble.isDown) throw new TributaryError('store_unreachable', 'The store is down.');
        decisions.push(decision);
      },
    };
    return { clock, decisions, trouble, guard: new RestoreGuard({ store, clock, logger: () => {} }) };
  }

  it('no partition is acquired for 10 s after the last change of the tables', async () => {
    const { clock, guard } = made();
    expect(guard.waitsMs).toBe(0);
    guard.tablesChanged([]);
    await clock.advance(8_000);
    guard.tablesChanged([]);
    await clock.advance(8_000);
    expect(guard.waitsMs).toBe(2_000);
    await clock.advance(2_000);
    expect(guard.waitsMs).toBe(0);
  });

  it('a checkpoint is set back once, and only if it is ahead of the offset from before the restore', async () => {
    const { clock, guard, decisions } = made();
    guard.committed('a/0', 100n);
    await clock.advance(20_000);
    guard.committed('a/0', 150n);
    await clock.advance(1_000);
    guard.tablesChanged(['a/0', 'b/0']);

    expect(await guard.isSetBack(checkpoint(150n))).toBe(true);
    expect(decisions).toMatchObject([{ topic: 'a', partition: 0, offset: 100n, decidedBy: 'order-sync' }]);
    expect(await guard.isSetBack(checkpoint(150n))).toBe(false);

    guard.tablesChanged(['a/0']);
    expect(await guard.isSetBack(checkpoint(90n))).toBe(false);
    expect(decisions).toHaveLength(1);
  });

  it('the offset from before the restore is kept while the tables go on changing', async () => {
    const { clock, guard, decisions } = made();
    guard.committed('a/0', 100n);
    await clock.advance(20_000);
    guard.tablesChanged(['a/0']);
    await clock.advance(60_000);
    expect(await guard.isSetBack(checkpoint(80n))).toBe(false);
    guard.committed('a/0', 500n);
    await clock.advance(60_000);
    guard.tablesChanged(['a/0']);
    expect(await guard.isSetBack(checkpoint(500n))).toBe(true);
    expect(decisions).toMatchObject([{ offset: 100n }]);
  });

  it('a partition that has been read past the offset from before the restore is not set back any more', async () => {
    const { clock, guard, decisions } = made();
    guard.committed('a/0', 100n);
    await clock.advance(20_000);
    guard.tablesChanged(['a/0']);
    expect(await guard.isSetBack(checkpoint(80n))).toBe(false);
    expect(await guard.isSetBack(checkpoint(500n))).toBe(false);
    expect(decisions).toEqual([]);
  });

  it('a checkpoint is set back at the next try if the decision could not be recorded', async () => {
    const { clock, guard, decisions, trouble } = made();
    guard.committed('a/0', 100n);
    await clock.advance(20_000);
    guard.tablesChanged(['a/0']);
    trouble.isDown = true;
    await expect(guard.isSetBack(checkpoint(150n))).rejects.toThrow('The store is down.');
    trouble.isDown = false;
    expect(await guard.isSetBack(checkpoint(150n))).toBe(true);
    expect(decisions).toMatchObject([{ offset: 100n }]);
  });

  it('the offset from before the restore is kept until the tables have not changed for 10 minutes', async () => {
    const { clock, guard, decisions } = made();
    guard.committed('a/0', 100n);
    await clock.advance(20_000);
    for (let times = 0; times < 3; times++) {
      guard.tablesChanged(['a/0']);
      guard.committed('a/0', 300n);
      await clock.advance(9 * 60_000);
    }
    guard.tablesChanged(['a/0']);
    expect(await guard.isSetBack(checkpoint(500n))).toBe(true);
    await clock.advance(10 * 60_000);
    guard.committed('a/0', 400n);
    await clock.advance(20_000);
    guard.tablesChanged(['a/0']);
    expect(await guard.isSetBack(checkpoint(500n))).toBe(true);
    expect(decisions.map(({ offset }) => offset)).toEqual([100n, 400n]);
  });

  it('a partition that was given up is judged by nothing that was known before', async () => {
    const { clock, guard, decisions } = made();
    guard.acquired(checkpoint(100n));
    await clock.advance(20_000);
    guard.tablesChanged(['a/0']);
    guard.forget('a/0');
    expect(await guard.isSetBack(checkpoint(150n))).toBe(false);
    expect(decisions).toEqual([]);
    guard.committed('a/0', 150n);
    expect(guard.isBehind({ ...checkpoint(60n), epoch: 4n })).toBe(false);
  });

  it('commits from before a change of the tables do not count as lost after it', () => {
    const { guard } = made();
    guard.acquired(checkpoint(100n));
    guard.tablesChanged(['a/0']);
    expect(guard.isBehind({ ...checkpoint(60n), epoch: 4n })).toBe(false);
  });

  it('a checkpoint that went back is told from one that an operator moved', () => {
    const { guard } = made();
    guard.acquired(checkpoint(100n));
    expect(guard.isBehind({ ...checkpoint(100n), epoch: 4n })).toBe(false);
    expect(guard.isBehind({ ...checkpoint(60n), epoch: 4n })).toBe(true);
    expect(guard.isBehind({ ...checkpoint(60n), epoch: 4n })).toBe(false);
    guard.acquired(checkpoint(100n));
    expect(guard.isBehind({ ...checkpoint(60n), epoch: 5n })).toBe(false);
  });
});

describe('an instance under which a backup is put back', () => {
  it('an instance under a restore stops, says so, and reads again what it committed while the tables changed', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    let incarnation: string | null = 'old';
    const store = wrap(place.store, {
      incarnation: async () => {
        if (incarnation === null) throw new TributaryError('table_missing', 'The tables are gone.');
        return incarnation;
      },
    });
    const { ingest, logged } = await place.start({ store });
    await place.append(movements('bolt', 5).map((entry) => recordOf(entry)));
    await place.settles(movements('bolt', 5));
    await new Promise((resolve) => setTimeout(resolve, 300));

    incarnation = null;
    await vi.waitFor(() => expect(ingest.health()).toMatchObject({ ok: false }), WAITING);
    expect(ingest.health()).toMatchObject({
      reason: expect.stringContaining("a backup is being restored over the store's tables"),
    });
    expect(ingest.status().owned).toEqual([]);
    incarnation = 'new';

    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
    expect(logged).toContainEqual(expect.stringContaining('is read again from offset 0 instead of 5'));
    await place.append(movements('bolt', 2, 20).map((entry) => recordOf(entry)));
    await place.settles([...movements('bolt', 5), ...movements('bolt', 2, 20)]);
    expect(ingest.status().duplicates).toBe(5);
  }, 60_000);

  it('no checkpoint is written into a table that the backup has created and not filled yet', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    let incarnation = 'old';
    let acquired = 0;
    let isRestoring = false;
    const store = wrap(place.store, {
      incarnation: async () => incarnation,
      acquire: (partitions) => {
        acquired++;
        return place.store.acquire(partitions);
      },
      commit: async (batch) => {
        if (isRestoring) {
          const database = new DatabaseSync(join(place.folder, 'stock.sqlite'));
          database.exec('DELETE FROM checkpoints');
          database.close();
          incarnation = 'new';
          throw new TributaryError('table_missing', 'The table of the checkpoints is gone.');
        }
        return place.store.commit(batch);
      },
    });
    const { ingest } = await place.start({ store });
    await place.append(movements('bolt', 5).map((entry) => recordOf(entry)));
    await place.settles(movements('bolt', 5));
    const acquiredBefore = acquired;
    isRestoring = true;
    await place.append(movements('bolt', 1, 20).map((entry) => recordOf(entry)));

    await vi.waitFor(
      () =>
        expect(ingest.health()).toMatchObject({
          reason: expect.stringContaining('a backup is being restored'),
        }),
      WAITING,
    );
    expect(acquired).toBe(acquiredBefore);
    expect(await place.store.checkpoints()).toEqual([]);
  }, 60_000);

  it('takes an operator that moves a running partition back for no restore, and reads again from there', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const { ingest, logged } = await place.start();
    await place.append(movements('bolt', 5).map((entry) => recordOf(entry)));
    await place.settles(movements('bolt', 5));
    const [before] = (await place.store.checkpoints()).filter(({ topic }) => topic === MOVEMENTS);
    const decision = { topicId: before?.topicId ?? '', offset: 2n, decidedBy: 'ops', reason: 'again' };
    await place.store.resume({ topic: MOVEMENTS, partition: 0, ...decision, decidedAtMs: 0 });
    // No new record comes: the watch of the checkpoints alone notices the decision.
    await vi.waitFor(() => expect(ingest.status().duplicates).toBe(3), WAITING);
    await place.settles(movements('bolt', 5));
    expect(ingest.health()).toEqual({ ok: true });
    expect(logged.join()).not.toContain('a backup is being restored');
  }, 60_000);
});
