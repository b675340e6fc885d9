import { describe, expect, it, vi } from 'vitest';
import type { TopicPartition } from '../../src/core/offset.ts';
import { expectNoStartingOver, failing, RECOVERY_MS, readAhead, stream } from './seam-helpers.ts';
import type { Fate } from './store-twin.ts';
import { COUNTS, MOVEMENTS, writtenOf } from './workload.ts';
import { inWorld } from './world.ts';

// A test needs one or two seconds of real time on an idle machine.
vi.setConfig({ testTimeout: 90_000 });

describe('ingest with lanes that have read ahead', () => {
  it.each([
    ['many small pieces in a batch', { batchEvents: 1_000 }, 3],
    ['batches cut into many pieces', { batchEvents: 20 }, 400],
    ['pieces of the largest size', { batchEvents: 4_000 }, 2_000],
  ])('nothing behind the checkpoints is committed: %s', async (_, tuning, pieceRecords) => {
    await inWorld({ seed: 3, partitions: { movements: 3, counts: 3 } }, async (world) => {
      readAhead(world, pieceRecords, 20);
      world.append(stream(3, { events: tuning.batchEvents === 20 ? 600 : 3_000 }));
      world.start({ lanes: 1, maxBufferedBytes: 1 << 20, ...tuning });
      await world.settles(RECOVERY_MS);
      expectNoStartingOver(world);
      // The cache knows all that its one lane has committed.
      expect(world.trace.filter((line) => line.endsWith(': stale'))).toEqual([]);
    });
  });

  it('nothing is lost or doubled when the process is killed between any two commits', async () => {
    await inWorld({ seed: 4, partitions: { movements: 2, counts: 2 } }, async (world) => {
      readAhead(world, 30, 10);
      world.append(stream(4, { events: 1_500 }));
      for (let kills = 0; kills < 12; kills++) {
        const instance = world.start({ lanes: 2, batchEvents: 60 });
        const { commits } = world.checker;
        await world.runUntil(() => world.checker.commits >= commits + 1 + (kills % 3), RECOVERY_MS);
        await world.run(world.chance.number() * 10);
        world.kill(instance);
      }
      world.start();
      await world.settles(RECOVERY_MS);
    });
  });

  it('the partitions that an instance keeps go on at once, each time another member comes or goes', async () => {
    await inWorld({ seed: 5, partitions: { movements: 4, counts: 4 } }, async (world) => {
      readAhead(world, 10, 10);
      const portions = 8;
      const all = stream(5, { events: 1_600 });
      const first = world.start({ lanes: 1, batchEvents: 100 });
      let other = world.start({ lanes: 2, batchEvents: 100 });
      for (let portion = 0; portion < portions; portion++) {
        world.append(all.slice((portion * all.length) / portions, ((portion + 1) * all.length) / portions));
        await world.run(30);
        if (portion % 2 === 0) void world.stop(other);
        else other = world.start({ lanes: 2, batchEvents: 100 });
        await world.run(30);
      }
      // A rebalance has no backoff, so partitions that were handed on in peace are committed within seconds.
      await world.settles(5_000);
      expect(first.ingest.status().waiting).toEqual([]);
      expectNoStartingOver(world);
    });
  });

  it('every partition stays at work when members lose some and gain others at once', async () => {
    await inWorld({ seed: 6, partitions: { movements: 4, counts: 4 } }, async (world) => {
      readAhead(world, 10, 10);
      const all = stream(6, { events: 1_600 });
      for (let count = 0; count < 3; count++) world.start({ lanes: 1 + count, batchEvents: 50 });
      await world.run(50);
      for (let from = 0; from < all.length; from += 100) {
        world.append(all.slice(from, from + 100));
        world.log.shareOut((_, members) => world.chance.pick(members));
        await world.run(world.chance.number() * 60);
      }
      await world.settles(5_000);
      expectNoStartingOver(world);
    });
  });

  it('added partitions go into lanes that are in the middle of a commit', async () => {
    await inWorld({ seed: 7, partitions: { movements: 2, counts: 2 } }, async (world) => {
      readAhead(world, 10, 20);
      world.start({ lanes: 2, batchEvents: 50 });
      const all = stream(7, { events: 800 });
      for (let added = 0; added < 4; added++) {
        world.append(all.slice((added * all.length) / 4, ((added + 1) * all.length) / 4));
        await world.run(45);
        world.log.addPartitions(added % 2 === 0 ? MOVEMENTS : COUNTS, 3 + (added >> 1));
      }
      await world.settles(5_000);
      expectNoStartingOver(world);
    });
  });

  it('nothing of a batch is committed if one of its partitions has another owner', async () => {
    await inWorld({ seed: 23, partitions: { movements: 3, counts: 3 } }, async (world) => {
      readAhead(world, 10, 10);
      const all = stream(23, { events: 600 });
      world.start({ lanes: 1, batchEvents: 200 });
      for (let from = 0; from < all.length; from += 60) {
        world.append(all.slice(from, from + 60));
        await world.run(30);
        await world.fence([world.partitions[(from / 60) % 6] as TopicPartition]);
      }
      await world.settles(RECOVERY_MS);
      expect(world.trace.some((line) => /commit .* .*: fenced$/.test(line))).toBe(true);
    });
  });

  it('events that come a second time among many of one article are known as duplicates', async () => {
    await inWorld({ seed: 24, partitions: { movements: 1, counts: 1 } }, async (world) => {
      const movements = Array.from({ length: 80 }, (_, minute) =>
        writtenOf('bolt', { minute, isCount: false, quantity: 1 + (minute % 7) }),
      );
      readAhead(world, 200, 1);
      world.append(movements.slice(0, 50));
      world.start({ lanes: 1, batchEvents: 1_000 });
      await world.settles(5_000);
      world.append(movements);
      await world.settles(5_000);
      expectNoStartingOver(world);
      expect(world.trace.filter((line) => line.endsWith(': stale'))).toEqual([]);
    });
  });

  it('offsets without records are passed over, also at the end of a partition', async () => {
    await inWorld({ seed: 8, partitions: { movements: 2, counts: 2 } }, async (world) => {
      readAhead(world, 5, 5);
      world.start();
      for (const written of stream(8, { events: 150 })) {
        world.append([written]);
        if (world.chance.happens(0.3)) world.chance.pick(world.partitions).skip(world.chance.integer(1, 5));
      }
      for (const partition of world.partitions) partition.skip(3);
      await world.settles(5_000);
    });
  });
});

describe('ingest whose store is busy', () => {
  const busy: Fate = { kind: 'refuses', code: 'store_busy' };

  it('every batch is committed in the end, however often it was refused', async () => {
    await inWorld({ seed: 18, partitions: { movements: 2, counts: 2 } }, async (world) => {
      readAhead(world, 20, 5);
      world.append(stream(18, { events: 400 }));
      const wells = Array.from({ length: 3 }, (): Fate => ({ kind: 'answers' }));
      const refusals = Array.from({ length: 50 }, () => busy);
      world.weather = failing(world, { commit: [...wells, ...refusals, ...wells, ...refusals] });
      world.start({ lanes: 1, batchEvents: 50 });
      await world.settles(60_000);
    });
  });

  it.each([
    ['refused', () => busy],
    ['answered by nobody after it was done', (): Fate => ({ kind: 'loses_answer', isDone: true })],
    ['answered by nobody and not done', (): Fate => ({ kind: 'loses_answer', isDone: false })],
  ])('nothing is lost when a commit is %s while partitions come and go', async (_, fate) => {
    await inWorld({ seed: 19, partitions: { movements: 3, counts: 3 } }, async (world) => {
      readAhead(world, 20, 10);
      const { chance } = world;
      const all = stream(19, { events: 1_600 });
      world.weather = {
        latencyMs: () => 1 + chance.number() * 10,
        fate: (method) => (method === 'commit' && chance.happens(0.5) ? fate() : { kind: 'answers' }),
      };
      for (let count = 0; count < 2; count++) world.start({ lanes: 1, batchEvents: 60 });
      for (let from = 0; from < all.length; from += 40) {
        world.append(all.slice(from, from + 40));
        await world.run(chance.number() * 40);
        world.log.shareOut((_, members) => chance.pick(members));
      }
      world.heal();
      await world.settles(RECOVERY_MS);
      if (fate().kind === 'refuses') expectNoStartingOver(world);
    });
  });
});

describe('ingest that meets a record that cannot be read', () => {
  it('all records before it are journaled, and the other partitions of the lane go on', async () => {
    await inWorld({ seed: 9, partitions: { movements: 2, counts: 2 } }, async (world) => {
      readAhead(world, 25, 30);
      const all = stream(9, { events: 1_200 });
      const place = { topic: MOVEMENTS, partition: 0 };
      world.append(all.slice(0, 700));
      const spoilt = world.log.partition(place).endOffset;
      world.log.partition(place).corrupt.add(spoilt);
      world.append(all.slice(700));
      const { ingest } = world.start({ lanes: 1, batchEvents: 100 });
      const others = world.partitions.filter((partition) => partition !== world.log.partition(place));
      const flow = () =>
        others.every((partition) => world.checker.checkpointOf(partition) === partition.endOffset);
      expect(await world.runUntil(() => flow() && ingest.status().halted.length > 0, 10_000)).toBe(true);
      expect(world.checker.checkpointOf(place)).toBe(spoilt);
      const [checkpoint] = (await world.store.checkpoints()).filter(({ haltReason }) => haltReason !== null);
      expect(checkpoint).toMatchObject({ ...place, nextOffset: spoilt });
      await world.settles(5_000);
    });
  });

  it('each halt is recorded although the store refuses at first, and two come at once', async () => {
    await inWorld({ seed: 10, partitions: { movements: 3, counts: 3 } }, async (world) => {
      readAhead(world, 10, 10);
      const all = stream(10, { events: 600 });
      world.append(all.slice(0, 300));
      for (const partition of world.log.partitionsOf(COUNTS)) partition.corrupt.add(partition.endOffset);
      world.append(all.slice(300));
      const refused: Fate = { kind: 'refuses', code: 'store_busy' };
      world.weather = failing(world, { halt: [refused, { kind: 'loses_answer', isDone: true }, refused] });
      const { ingest } = world.start({ lanes: 1, batchEvents: 40 });
      expect(await world.runUntil(() => ingest.status().halted.length === 3, RECOVERY_MS)).toBe(true);
      await world.settles(RECOVERY_MS);
      expect(ingest.status().halted).toEqual([]);
    });
  });

  it('halts nothing that its lane could not commit, and acquires it again', async () => {
    await inWorld({ seed: 12, partitions: { movements: 1, counts: 1 } }, async (world) => {
      readAhead(world, 20, 10);
      const all = stream(12, { events: 250 });
      world.append(all.slice(0, 200));
      const [partition] = world.log.partitionsOf(MOVEMENTS);
      const spoilt = partition?.endOffset ?? 0n;
      partition?.corrupt.add(spoilt);
      world.append(all.slice(200));
      const broken: Fate = { kind: 'refuses', code: 'store_failed' };
      const well: Fate = { kind: 'answers' };
      world.weather = failing(world, { commit: [well, broken, well, well, broken] });
      const { ingest } = world.start({ lanes: 1, batchEvents: 40 });
      expect(await world.runUntil(() => ingest.status().halted.length === 1, RECOVERY_MS)).toBe(true);
      expect(world.checker.checkpointOf({ topic: MOVEMENTS, partition: 0 })).toBe(spoilt);
      await world.settles(RECOVERY_MS);
    });
  });
});

describe('ingest that guesses articles to be new', () => {
  it('nothing is lost when some of the articles are known after all', async () => {
    await inWorld({ seed: 17, partitions: { movements: 2, counts: 2 } }, async (world) => {
      const known = Array.from({ length: 40 }, (_, article) =>
        writtenOf(`article-${article}`, { minute: 5, isCount: true, quantity: article }),
      );
      const fresh = Array.from({ length: 10_400 }, (_, article) =>
        writtenOf(`new-${article}`, { minute: 0, isCount: false, quantity: article % 30 }),
      );
      const again = known.map((_, article) =>
        writtenOf(`article-${article}`, { minute: article % 5, isCount: false, quantity: 1 }),
      );
      world.append(known);
      world.append(fresh);
      world.start({ lanes: 1, batchEvents: 2_000, cacheEvents: 100, maxBufferedBytes: 1 << 20 });
      await world.settles(RECOVERY_MS);
      world.append([...again, ...known.slice(0, 20)]);
      await world.settles(RECOVERY_MS);
      expect(world.trace.filter((line) => line.endsWith('stale')).length).toBeGreaterThan(0);
    });
  });
});
