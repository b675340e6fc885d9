import { describe, expect, it, vi } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { acquireEach } from '../../../src/pipeline/ingest/acquire-each.ts';
import type { AcquireRequest } from '../../../src/ports/checkpoints.ts';
import type { Store } from '../../../src/ports/store.ts';
import { COUNTS, type Entry, MOVEMENTS, movements, Place, recordOf, WAITING, wrap } from './harness.ts';

const LOCKED = `${MOVEMENTS}/1`;
const records = (entries: readonly Entry[]) => entries.map((entry) => recordOf(entry));
const counted = (minute: number): Entry => ({ articleId: 'nut', isCount: true, quantity: minute, minute });

/** The store of the place, with one checkpoint that cannot be acquired while `isLocked` says so. */
function withLockedCheckpoint(place: Place, isLocked: () => boolean): Store {
  return wrap(place.store, {
    acquire: async (requests: readonly AcquireRequest[]) => {
      if (isLocked() && requests.some(({ topic, partition }) => `${topic}/${partition}` === LOCKED))
        throw new TributaryError('store_busy', 'The row is locked.');
      return place.store.acquire(requests);
    },
  });
}

describe('acquiring each partition', () => {
  it('one round acquires all partitions but the locked one, even if that one comes first and fails at once', async () => {
    const partitions = Array.from({ length: 10 }, (_, partition) => ({
      topic: MOVEMENTS,
      partition,
      topicId: 'id',
      startOffset: 0n,
      endOffset: 0n,
    }));
    const store: Pick<Store, 'acquire' | 'halt'> = {
      acquire: async ([request]) => {
        if (request === undefined || request.partition === 0)
          throw new TributaryError('store_busy', 'The row is locked.');
        const { topic, partition, topicId } = request;
        const place = { topic, partition, topicId, nextOffset: 0n, leaderEpoch: 0 };
        return [{ ...place, epoch: 1n, haltReason: null, isNew: true }];
      },
      halt: async () => {},
    };
    const { results, failures } = await acquireEach(store, partitions);
    expect(results.map(({ partition }) => partition.partition).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(failures).toMatchObject([{ partitions: [{ partition: 0 }] }]);
  });
});

describe('acquiring partitions', () => {
  it('every partition but one with a locked checkpoint is acquired, and that one once it is free', async () => {
    const place = await Place.make({ movements: 4, counts: 4 });
    let isLocked = true;
    const store = withLockedCheckpoint(place, () => isLocked);
    const { ingest, logged } = await place.start({ store });
    await vi.waitFor(() => {
      expect(ingest.status().owned).toHaveLength(7);
      expect(ingest.status().waiting).toEqual([{ name: LOCKED, reason: 'The row is locked.' }]);
    }, WAITING);
    expect(ingest.health()).toEqual({ ok: false, reason: `${LOCKED}: The row is locked.` });
    expect(logged.join('\n')).toContain(`warn: Could not acquire ${LOCKED}: The row is locked.`);
    await place.append([recordOf(counted(1))]);
    await place.settles([counted(1)]);

    isLocked = false;
    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
    expect(ingest.status().owned).toHaveLength(8);
  });

  it('the other partitions go on while the halt of one cannot be recorded', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 30);
    await place.append(records(entries.slice(0, 10)));
    const first = await place.start();
    await place.settles(entries.slice(0, 10));
    await first.ingest.stop();
    await place.append(records(entries.slice(10)));
    await place.log.deleteRecords({ topic: MOVEMENTS, partition: 0 }, 25n);

    let isFailing = true;
    const store = wrap(place.store, {
      halt: async (...halt: Parameters<Store['halt']>) => {
        if (isFailing) throw new TributaryError('store_failed', 'The disk is full.');
        return place.store.halt(...halt);
      },
    });
    const { ingest } = await place.start({ store });
    await place.append([recordOf(counted(1))]);
    await place.settles([...entries.slice(0, 10), counted(1)]);
    expect(ingest.status().owned.map(({ name }) => name)).toEqual([`${COUNTS}/0`]);
    expect(ingest.health()).toMatchObject({
      reason: expect.stringMatching(/were deleted.*The disk is full/),
    });

    isFailing = false;
    await vi.waitFor(() => expect(ingest.status().halted).toHaveLength(1), WAITING);
  });

  it('a store that does not answer is asked once a round, not once for each partition', async () => {
    const place = await Place.make({ movements: 20, counts: 20 });
    let asked = 0;
    let isDown = true;
    const store = wrap(place.store, {
      acquire: async (requests: readonly AcquireRequest[]) => {
        if (!isDown) return place.store.acquire(requests);
        asked++;
        throw new TributaryError('store_unreachable', 'The database does not answer.');
      },
    });
    const { ingest, logged } = await place.start({ store });
    await vi.waitFor(() => expect(logged.join('\n')).toContain('does not answer'), WAITING);
    isDown = false;
    await vi.waitFor(() => expect(ingest.status().owned).toHaveLength(40), WAITING);
    const rounds = logged.filter((line) => line.includes('Could not acquire')).length;
    // Four are acquired at once.
    expect(asked).toBeLessThanOrEqual(4 * rounds);
  });
});

describe('a commit that hangs', () => {
  it('health() is red with the partition and the reason while a commit hangs, and green once it is answered', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    let release = () => {};
    const isReleased = new Promise<void>((resolve) => {
      release = resolve;
    });
    const store = wrap(place.store, {
      commit: async (batch: Parameters<Store['commit']>[0]) => {
        if (batch.moves.some(({ topic }) => topic === MOVEMENTS)) await isReleased;
        return place.store.commit(batch);
      },
    });
    const { ingest, logged } = await place.start({ store });
    await place.append(records(movements('bolt', 3)));
    await vi.waitFor(
      () =>
        expect(ingest.health()).toMatchObject({
          ok: false,
          reason: expect.stringMatching(
            `^${MOVEMENTS}/0 has not moved from offset 0 for 1\\d s: the store does not`,
          ),
        }),
      WAITING,
    );
    expect(logged.filter((line) => line.startsWith(`warn: ${MOVEMENTS}/0 has not moved`))).toHaveLength(1);
    release();
    await place.settles(movements('bolt', 3));
    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
    expect(logged.join('\n')).toContain(`info: ${MOVEMENTS}/0 moves again, at offset 3`);
  });
});
