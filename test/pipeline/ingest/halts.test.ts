import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import { COUNTS, type Entry, MOVEMENTS, movements, Place, recordOf, WAITING, wrap } from './harness.ts';

const MOVED = `${MOVEMENTS}/0`;
const GONE_ON = 'the loss is accepted';

const records = (entries: readonly Entry[]) => entries.map((entry) => recordOf(entry));
const counted = (minute: number): Entry => ({ articleId: 'nut', isCount: true, quantity: minute, minute });

async function decide(place: Place, offset: bigint, topicId?: string): Promise<void> {
  const described = (await place.log.describe([MOVEMENTS]))[0];
  await place.store.resume({
    topic: MOVEMENTS,
    partition: 0,
    offset,
    topicId: topicId ?? described?.topicId ?? '',
    decidedBy: 'an operator',
    reason: GONE_ON,
    decidedAtMs: 0,
  });
}

async function haltReason(place: Place): Promise<string | null | undefined> {
  return (await place.store.checkpoints()).find(({ topic }) => topic === MOVEMENTS)?.haltReason;
}

describe('a partition that cannot be read on', () => {
  it('a partition whose records were deleted before they were journaled halts, and goes on by decision', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 30);
    await place.append(records(entries.slice(0, 10)));
    const first = await place.start();
    await place.settles(entries.slice(0, 10));
    await first.ingest.stop();
    await place.append(records(entries.slice(10)));
    await place.log.deleteRecords({ topic: MOVEMENTS, partition: 0 }, 25n);

    const { ingest, logged } = await place.start();
    await vi.waitFor(
      () =>
        expect(ingest.status().halted).toMatchObject([
          { name: MOVED, reason: expect.stringContaining('15 records were deleted') },
        ]),
      WAITING,
    );
    expect(ingest.health()).toMatchObject({ ok: false });
    expect(await haltReason(place)).toContain('offset_out_of_range at offset 10');
    expect(logged.join('\n')).toContain(`error: ${MOVED} is halted`);
    await place.append([recordOf(counted(1))]);
    await place.settles([...entries.slice(0, 10), counted(1)]);

    await decide(place, 25n);
    await place.settles([...entries.slice(0, 10), ...entries.slice(25), counted(1)]);
    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
    expect(await haltReason(place)).toBeNull();
  });

  it('a halted partition is still halted after a restart', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 5);
    await place.append(records(entries));
    await place.log.deleteRecords({ topic: MOVEMENTS, partition: 0 }, 2n);
    const { topicId } = (await place.log.describe([MOVEMENTS]))[0] ?? { topicId: '' };
    await place.store.acquire([{ topic: MOVEMENTS, partition: 0, topicId, startOffset: 0n }]);
    for (let start = 0; start < 2; start++) {
      const { ingest } = await place.start();
      await vi.waitFor(() => expect(ingest.status().halted).toMatchObject([{ name: MOVED }]), WAITING);
      await ingest.stop();
    }
    expect(await place.offsets()).toMatchObject({ [MOVED]: 0 });
  });

  it('a partition with a damaged record halts behind the last good one, and goes on by decision without a restart', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 15);
    for (let from = 0; from < 15; from += 5) await place.append(records(entries.slice(from, from + 5)));
    damageBatch(place, 5);

    const { ingest } = await place.start();
    await vi.waitFor(() => expect(ingest.status().halted).toMatchObject([{ name: MOVED }]), WAITING);
    expect(await haltReason(place)).toMatch(
      /^corrupt_batch at offset 5: .* Reading can go on at offset 10\.$/,
    );
    await place.settles(entries.slice(0, 5));
    expect(await place.offsets()).toMatchObject({ [MOVED]: 5 });

    await place.append([recordOf(counted(1))]);
    await place.settles([...entries.slice(0, 5), counted(1)]);
    await decide(place, 10n);
    await place.settles([...entries.slice(0, 5), ...entries.slice(10), counted(1)]);
    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
  });

  it('a partition halts again, and does not loop, if the decision leads to the same fault', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 10);
    for (let from = 0; from < 10; from += 5) await place.append(records(entries.slice(from, from + 5)));
    damageBatch(place, 5);
    const { ingest, logged } = await place.start();
    const halts = () => logged.filter((line) => line.includes('is halted')).length;
    await vi.waitFor(() => expect(halts()).toBe(1), WAITING);
    await decide(place, 0n);
    await vi.waitFor(() => expect(halts()).toBe(2), WAITING);
    await vi.waitFor(async () => expect(await haltReason(place)).toContain('corrupt_batch'), WAITING);
    await place.settles(entries.slice(0, 5));
    await pause(500);
    expect(halts()).toBe(2);
    expect(ingest.health()).toMatchObject({ ok: false });
  });

  it('a partition is not called halted before the store has recorded the halt', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 10);
    for (let from = 0; from < 10; from += 5) await place.append(records(entries.slice(from, from + 5)));
    damageBatch(place, 5);
    let failures = 0;
    const store = wrap(place.store, {
      async halt(...given: Parameters<typeof place.store.halt>) {
        if (++failures <= 3) throw new TributaryError('store_busy', 'The store was busy.');
        return place.store.halt(...given);
      },
    });
    const { logged } = await place.start({ store });
    await vi.waitFor(async () => expect(await haltReason(place)).toContain('corrupt_batch'), WAITING);
    await place.settles(entries.slice(0, 5));
    expect(logged.join('\n')).not.toContain('holds no halt of it');
  });

  it('a partition that halts while a commit hangs loses nothing that was read', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 60);
    const released = Promise.withResolvers<void>();
    const store = wrap(place.store, {
      async commit(batch: IngestBatch) {
        await released.promise;
        return place.store.commit(batch);
      },
    });
    await place.append(records(entries));
    const { ingest } = await place.start({ store, batchEvents: 5 });
    await vi.waitFor(() => expect(ingest.status().owned.length).toBe(2), WAITING);
    await pause(200);
    await place.log.deleteRecords({ topic: MOVEMENTS, partition: 0 }, 50n);
    await pause(200);
    released.resolve();
    await vi.waitFor(() => expect(ingest.status().halted).toMatchObject([{ name: MOVED }]), WAITING);
    const at = (await place.offsets())[MOVED] ?? 0;
    expect(at).toBeGreaterThan(0);
    expect(await haltReason(place)).toContain(`offset_out_of_range at offset ${at}:`);
    await place.settles(entries.slice(0, at));
    await decide(place, 50n);
    await place.settles([...entries.slice(0, at), ...entries.slice(50)]);
  });

  it('a partition halts if its topic is created again, and a decision names the new topic', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 20);
    const { ingest } = await place.start();
    await place.append(records(entries.slice(0, 10)));
    await place.settles(entries.slice(0, 10));
    await place.log.deleteTopic(MOVEMENTS);
    await place.log.createTopics([{ topic: MOVEMENTS, partitions: 1 }]);
    await place.append(records(entries.slice(10)));
    await vi.waitFor(async () => expect(await haltReason(place)).toContain('topic_recreated'), WAITING);
    await place.append([recordOf(counted(1))]);
    await place.settles([...entries.slice(0, 10), counted(1)]);
    await decide(place, 0n);
    await place.settles([...entries, counted(1)]);
    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
  });

  it('a partition halts if its topic was created again while nothing ran, even at the same offset', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 40);
    const first = await place.start();
    await place.append(records(entries.slice(0, 10)));
    await place.settles(entries.slice(0, 10));
    await first.ingest.stop();
    await place.log.deleteTopic(MOVEMENTS);
    await place.log.createTopics([{ topic: MOVEMENTS, partitions: 1 }]);
    await place.append(records(entries.slice(10)));
    const { ingest } = await place.start();
    await vi.waitFor(() => expect(ingest.status().halted).toMatchObject([{ name: MOVED }]), WAITING);
    expect(await haltReason(place)).toContain(
      `topic_recreated at offset 10: ${MOVEMENTS} is another topic (made anew, or another cluster)`,
    );
    await place.settles(entries.slice(0, 10));
    await decide(place, 0n);
    await place.settles(entries);
  });
});

describe('a partition without a checkpoint', () => {
  it("a partition without a checkpoint starts at the log's beginning, with a warning if that is not offset 0", async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = movements('bolt', 10);
    await place.append(records(entries));
    await place.log.deleteRecords({ topic: MOVEMENTS, partition: 0 }, 4n);
    const { ingest, logged } = await place.start();
    await place.settles(entries.slice(4));
    expect(ingest.health()).toEqual({ ok: true });
    const warnings = logged.filter((line) => line.startsWith('warn'));
    expect(warnings).toEqual([
      expect.stringContaining(`${MOVED} has no checkpoint yet and starts at offset 4`),
    ]);
  });

  it('a partition that is added while the instance runs is read from its beginning', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const { ingest } = await place.start();
    const entries = Array.from({ length: 12 }, (_, article) => movements(`article-${article}`, 3)).flat();
    await place.append(records(entries.slice(0, 9)));
    await place.settles(entries.slice(0, 9));
    await place.log.addPartitions(MOVEMENTS, 3);
    await place.log.addPartitions(COUNTS, 2);
    await place.append(records(entries.slice(9)));
    await place.settles(entries);
    expect(ingest.status().owned).toHaveLength(5);
  });
});

/** Damages the batch at this offset, as a disk might. */
function damageBatch(place: Place, baseOffset: number): void {
  const database = new DatabaseSync(join(place.folder, 'event-log.sqlite'));
  const { changes } = database
    .prepare('UPDATE record_batches SET crc32 = crc32 + 1 WHERE base_offset = ?')
    .run(baseOffset);
  database.close();
  expect(changes).toBe(1);
}
