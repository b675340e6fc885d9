import { describe, expect, it, vi } from 'vitest';
import { failing, RECOVERY_MS, stream } from './seam-helpers.ts';
import { COUNTS, MOVEMENTS, writtenOf } from './workload.ts';
import { inWorld, type World } from './world.ts';

// A test needs one or two seconds of real time on an idle machine.
vi.setConfig({ testTimeout: 90_000 });

describe('ingest whose store goes back in time', () => {
  const moved = writtenOf('bolt', { minute: 1, isCount: false, quantity: 5 });
  const later = writtenOf('bolt', { minute: 3, isCount: false, quantity: 2 });
  const counted = writtenOf('bolt', { minute: 2, isCount: true, quantity: 7 });

  const counts = { topic: COUNTS, partition: 0 };

  /**
   * The first instance has the movement in its cache. The store has forgotten it and has, by another instance, a
   * count of the same article instead: as many events as before, but not the same.
   */
  async function forgotten(world: World): Promise<void> {
    const first = world.start({ lanes: 1 });
    await world.run(100);
    world.start({ lanes: 1 });
    await world.run(100);
    world.log.shareOut(({ topic }, members) => members[topic === MOVEMENTS ? 0 : 1] ?? (members[0] as never));
    await world.run(1_000);
    expect(first.ingest.status().owned).toMatchObject([{ name: `${MOVEMENTS}/0` }]);
    const goBack = world.snapshot();
    world.append([moved]);
    await world.settles(1_000);
    goBack();
    world.append([counted]);
    const end = world.log.partition(counts).endOffset;
    expect(await world.runUntil(() => world.checker.checkpointOf(counts) === end, 1_000)).toBe(true);
  }

  it('lost records are read again when a commit is fenced', async () => {
    await inWorld({ seed: 14, partitions: { movements: 1, counts: 1 } }, async (world) => {
      await forgotten(world);
      world.append([later]);
      await world.settles(RECOVERY_MS);
      expect(world.trace.some((line) => line.endsWith('fenced'))).toBe(true);
    });
  });

  it.each(['store_failed', 'store_unreachable'] as const)(
    'lost records are read again when a commit fails with %s',
    async (code) => {
      await inWorld({ seed: 15, partitions: { movements: 1, counts: 1 } }, async (world) => {
        await forgotten(world);
        world.weather = failing(world, { commit: [{ kind: 'refuses', code }] });
        world.append([later]);
        await world.settles(RECOVERY_MS);
      });
    },
  );

  it('lost events are journaled again although the cache takes them for journaled', async () => {
    await inWorld({ seed: 22, partitions: { movements: 1, counts: 1 } }, async (world) => {
      world.start({ lanes: 1 });
      await world.run(100);
      world.start({ lanes: 1 });
      await world.run(100);
      const give = (index: number) =>
        world.log.shareOut((_, members) => members[index] ?? (members[0] as never));
      give(0);
      await world.run(1_000);
      world.append([moved]);
      await world.settles(1_000);
      const goBack = world.snapshot();
      // The store has the first of these when both are read again.
      world.append([moved, later]);
      await world.settles(1_000);
      // The first instance owns nothing while the store goes back, so it does not notice.
      give(1);
      await world.run(100);
      goBack();
      give(0);
      await world.settles(RECOVERY_MS);
    });
  });

  it('an article is put right if the cache and the store differ on it', async () => {
    await inWorld({ seed: 16, partitions: { movements: 1, counts: 1 } }, async (world) => {
      world.start({ lanes: 1 });
      await world.run(1_000);
      const goBack = world.snapshot();
      world.append([moved, later]);
      await world.settles(1_000);
      goBack();
      world.append([counted]);
      const end = world.log.partition(counts).endOffset;
      expect(await world.runUntil(() => world.checker.checkpointOf(counts) === end, 1_000)).toBe(true);
      world.append([writtenOf('bolt', { minute: 4, isCount: false, quantity: 2 })]);
      await world.settles(RECOVERY_MS);
      expect(world.trace.filter((line) => line.includes('Ingest paused'))).toEqual([]);
    });
  });
});

describe.each([
  ['before its checkpoints', true],
  ['after its checkpoints were made', false],
])('ingest whose store goes back to a time %s', (_, isBefore) => {
  it('lost records are read again although no new record comes', async () => {
    await inWorld({ seed: 21, partitions: { movements: 2, counts: 2 } }, async (world) => {
      const empty = world.snapshot();
      world.start();
      await world.run(1_000);
      const goBack = isBefore ? empty : world.snapshot();
      world.append(stream(21, { events: 100 }));
      await world.settles(5_000);
      goBack();
      await world.settles(RECOVERY_MS);
    });
  });

  it('a partition whose halt the store has forgotten goes on', async () => {
    await inWorld({ seed: 20, partitions: { movements: 1, counts: 1 } }, async (world) => {
      const empty = world.snapshot();
      const { ingest } = world.start({ lanes: 1 });
      await world.run(1_000);
      const goBack = isBefore ? empty : world.snapshot();
      // Owners came and went since: the epoch of the halt is far above that of the snapshot.
      for (let count = 0; count < 3; count++) await world.fence(world.partitions);
      const all = stream(20, { events: 100 });
      world.append(all.slice(0, 50));
      const [partition] = world.log.partitionsOf(MOVEMENTS);
      partition?.corrupt.add(partition.endOffset);
      world.append(all.slice(50));
      expect(await world.runUntil(() => ingest.status().halted.length === 1, RECOVERY_MS)).toBe(true);
      await world.run(5_000);
      goBack();
      await world.settles(RECOVERY_MS);
    });
  });
});
