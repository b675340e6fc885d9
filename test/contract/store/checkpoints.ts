import { describe, expect, it } from 'vitest';
import { UNKNOWN_LEADER_EPOCH } from '../../../src/ports/event-log.ts';
import {
  acquireOne,
  acquirePartitions,
  batchOf,
  change,
  DUE,
  move,
  type StoreHarness,
  TOPIC,
  usePlace,
} from './fixtures.ts';

const BEYOND_DOUBLES = 2n ** 53n + 1n;
const LARGEST = 2n ** 63n - 1n;

export function describeCheckpoints(harness: StoreHarness): void {
  describe('checkpoints', () => {
    const place = usePlace(harness);

    it('a checkpoint is made when its partition is first acquired, at the offset that was asked for', async () => {
      const [checkpoint] = await place.store.acquire([
        { topic: TOPIC, partition: 3, topicId: 'topic-id-1', startOffset: 17n },
      ]);

      expect(checkpoint).toMatchObject({
        topic: TOPIC,
        partition: 3,
        topicId: 'topic-id-1',
        nextOffset: 17n,
        leaderEpoch: UNKNOWN_LEADER_EPOCH,
        haltReason: null,
        isNew: true,
      });
      expect(await place.store.checkpoints()).toEqual([{ ...checkpoint, isNew: false }]);
    });

    it('a partition that is acquired again keeps its offset and topic id, and gets a higher epoch', async () => {
      const first = await acquireOne(place.store);
      const [second] = await place.store.acquire([
        { topic: TOPIC, partition: 0, topicId: 'topic-id-2', startOffset: 99n },
      ]);

      expect(second).toMatchObject({ topicId: 'topic-id-1', nextOffset: 0n, isNew: false });
      expect(second?.epoch).toBeGreaterThan(first.epoch);
    });

    it('checkpoints are listed by topic and partition number', async () => {
      const request = (topic: string, partition: number) => ({
        topic,
        partition,
        topicId: 'id',
        startOffset: 0n,
      });
      await place.store.acquire([request('b', 10), request('b', 9), request('a', 2)]);

      const listed = await place.store.checkpoints();
      expect(listed.map(({ topic, partition }) => [topic, partition])).toEqual([
        ['a', 2],
        ['b', 9],
        ['b', 10],
      ]);
    });

    it('a commit moves checkpoints from the offsets they have', async () => {
      const checkpoint = await acquireOne(place.store);

      const outcome = await place.store.commit(batchOf([move(checkpoint, 5n)], []));

      expect(outcome).toEqual({ kind: 'committed', deliveriesDue: 0 });
      expect(await place.store.checkpoints()).toEqual([{ ...checkpoint, nextOffset: 5n, isNew: false }]);
    });

    it('a batch moves the checkpoints of many partitions, each to its own offset, or none of them', async () => {
      const requests = Array.from({ length: 40 }, (_, number) => ({
        topic: number % 2 === 0 ? TOPIC : `${TOPIC}-b`,
        partition: Math.floor(number / 2),
        topicId: 'topic-id-1',
        startOffset: 7n,
      }));
      const acquired = await place.store.acquire(requests);
      const movesOf = (checkpoints: typeof acquired, step: bigint) =>
        checkpoints.map((checkpoint, number) => ({
          ...move(checkpoint, step + BigInt(number)),
          leaderEpoch: number,
        }));
      const offsets = async () =>
        (await place.store.checkpoints()).map(({ topic, partition, nextOffset, leaderEpoch }) =>
          [topic, partition, nextOffset, leaderEpoch].join(' '),
        );
      const expected = acquired
        .map(({ topic, partition }, number) => [topic, partition, 8 + number, number].join(' '))
        .toSorted();

      expect(await place.store.commit(batchOf(movesOf(acquired, 1n), []))).toMatchObject({
        kind: 'committed',
      });

      expect((await offsets()).toSorted()).toEqual(expected);
      const present = await place.store.checkpoints();
      for (const wrong of [0, 35]) {
        const moves = movesOf(present, 1n).map((each, number) =>
          number === wrong ? { ...each, fromOffset: each.fromOffset - 1n } : each,
        );
        expect(await place.store.commit(batchOf(moves, []))).toEqual({ kind: 'fenced' });
      }
      expect((await offsets()).toSorted()).toEqual(expected);
    });

    it('the next owner of a partition learns the leader epoch of its last commit', async () => {
      const checkpoint = await acquireOne(place.store);
      await place.store.commit(batchOf([{ ...move(checkpoint, 5n), leaderEpoch: 7 }], []));
      const moved = { ...checkpoint, nextOffset: 5n, leaderEpoch: 7, isNew: false };
      expect(await place.store.checkpoints()).toEqual([moved]);

      await place.store.commit(batchOf([{ ...move(moved), leaderEpoch: 2 ** 31 - 1 }], []));
      expect(await acquireOne(place.store)).toMatchObject({ nextOffset: 6n, leaderEpoch: 2 ** 31 - 1 });
    });

    it('a fenced batch does not change the leader epoch of a checkpoint', async () => {
      const stale = await acquireOne(place.store);
      await place.store.commit(batchOf([{ ...move(stale), leaderEpoch: 7 }], []));
      await place.store.commit(batchOf([{ ...move(stale), leaderEpoch: 8 }], []));
      expect(await place.store.checkpoints()).toMatchObject([{ nextOffset: 1n, leaderEpoch: 7 }]);
    });

    it('a checkpoint holds offsets that a double cannot', async () => {
      const [checkpoint] = await place.store.acquire([
        { topic: TOPIC, partition: 0, topicId: 'topic-id-1', startOffset: BEYOND_DOUBLES },
      ]);
      if (checkpoint === undefined) throw new Error('No partition was acquired.');
      expect(checkpoint.nextOffset).toBe(BEYOND_DOUBLES);
      const wrong = { ...move(checkpoint), fromOffset: BEYOND_DOUBLES - 1n };
      expect(await place.store.commit(batchOf([wrong], []))).toEqual({ kind: 'fenced' });

      await place.store.commit(batchOf([{ ...move(checkpoint), toOffset: LARGEST }], []));

      expect((await place.store.checkpoints())[0]?.nextOffset).toBe(LARGEST);
    });

    it('many checkpoints that move together hold offsets that a double cannot', async () => {
      const acquired = await place.store.acquire(
        [0, 1, 2].map((partition) => ({
          topic: TOPIC,
          partition,
          topicId: 'topic-id-1',
          startOffset: BEYOND_DOUBLES,
        })),
      );
      const moves = acquired.map((checkpoint) => ({ ...move(checkpoint), toOffset: LARGEST - 1n }));
      const wrong = moves.map((each, index) =>
        index === 1 ? { ...each, fromOffset: BEYOND_DOUBLES - 1n } : each,
      );
      expect(await place.store.commit(batchOf(wrong, []))).toEqual({ kind: 'fenced' });

      await place.store.commit(batchOf(moves, []));

      const offsets = (await place.store.checkpoints()).map(({ nextOffset }) => nextOffset);
      expect(offsets).toEqual([LARGEST - 1n, LARGEST - 1n, LARGEST - 1n]);
    });

    it.each(['optimistic', 'locking'] as const)(
      'an owner of an earlier epoch is fenced, and nothing of its %s batch is written',
      async (mode) => {
        const stale = await acquireOne(place.store);
        const other = await place.another();
        const present = await acquireOne(other);

        const batch = batchOf([move(stale)], [change('parcel', 0, { delivery: DUE })], { mode });
        expect(await place.store.commit(batch)).toEqual({ kind: 'fenced' });

        expect(await other.counts()).toMatchObject({ journaledEvents: 0, viewRows: 0, deliveriesPending: 0 });
        expect(await other.checkpoints()).toEqual([{ ...present, isNew: false }]);
        expect(await other.commit(batchOf([move(present)], []))).toMatchObject({ kind: 'committed' });
      },
    );

    it('a batch that moves a checkpoint by no record commits if the checkpoint stands there, else it is fenced', async () => {
      const checkpoint = await acquireOne(place.store);
      const resting = move(checkpoint, 0n);

      expect(await place.store.commit(batchOf([resting], []))).toMatchObject({ kind: 'committed' });

      for (const elsewhere of [
        { ...resting, epoch: resting.epoch - 1n },
        { ...resting, fromOffset: 1n, toOffset: 1n },
      ])
        expect(await place.store.commit(batchOf([elsewhere], []))).toEqual({ kind: 'fenced' });
      await place.store.halt(checkpoint, checkpoint.epoch, 'log_diverged');
      expect(await place.store.commit(batchOf([resting], []))).toEqual({ kind: 'fenced' });
    });

    it.each([1n, -1n])(
      'a batch that starts %s offset away from its checkpoint is fenced',
      async (distance) => {
        const checkpoint = await acquireOne(place.store);
        await place.store.commit(batchOf([move(checkpoint, 5n)], []));

        const elsewhere = { ...checkpoint, nextOffset: 5n + distance };
        const outcome = await place.store.commit(batchOf([move(elsewhere)], [change('parcel', 0)]));

        expect(outcome).toEqual({ kind: 'fenced' });
        expect(await place.store.counts()).toMatchObject({ journaledEvents: 0, viewRows: 0 });
        expect((await place.store.checkpoints())[0]?.nextOffset).toBe(5n);
      },
    );

    it('a batch whose partition has no checkpoint is fenced', async () => {
      const checkpoint = await acquireOne(place.store);
      const unknown = { ...move(checkpoint), partition: 1 };
      expect(await place.store.commit(batchOf([move(checkpoint), unknown], []))).toEqual({ kind: 'fenced' });
      expect(await place.store.checkpoints()).toEqual([{ ...checkpoint, isNew: false }]);
    });

    it('checkpoints move together or not at all', async () => {
      const [first, second] = await acquirePartitions(place.store, 2);
      if (first === undefined || second === undefined) throw new Error('Too few partitions were acquired.');
      await acquireOne(place.store, 1);

      expect(await place.store.commit(batchOf([move(first), move(second)], []))).toEqual({ kind: 'fenced' });

      expect((await place.store.checkpoints()).map(({ nextOffset }) => nextOffset)).toEqual([0n, 0n]);
    });
  });

  describe('a halted partition', () => {
    const place = usePlace(harness);

    it('a halted partition accepts no commit, and tells every later owner why', async () => {
      const checkpoint = await acquireOne(place.store);
      await place.store.halt(checkpoint, checkpoint.epoch, 'Offsets 5 to 9 are gone.');

      expect(await place.store.commit(batchOf([move(checkpoint)], []))).toEqual({ kind: 'fenced' });

      const other = await place.another();
      const later = await acquireOne(other);
      expect(later).toMatchObject({ haltReason: 'Offsets 5 to 9 are gone.', nextOffset: 0n });
      expect(await other.commit(batchOf([move(later)], []))).toEqual({ kind: 'fenced' });
    });

    it('a halted partition does not hold up another one', async () => {
      const [first, second] = await acquirePartitions(place.store, 2);
      if (first === undefined || second === undefined) throw new Error('Too few partitions were acquired.');
      await place.store.halt(first, first.epoch, 'A gap.');
      expect(await place.store.commit(batchOf([move(second)], []))).toMatchObject({ kind: 'committed' });
    });

    it('an owner of an earlier epoch cannot halt a partition', async () => {
      const stale = await acquireOne(place.store);
      const present = await acquireOne(place.store);

      await place.store.halt(stale, stale.epoch, 'I think that there is a gap.');

      expect(await place.store.checkpoints()).toEqual([{ ...present, isNew: false }]);
    });

    it('a halted partition goes on where an operator decides, in a new epoch, and the decision is recorded', async () => {
      const checkpoint = await acquireOne(place.store);
      await place.store.commit(batchOf([{ ...move(checkpoint, 0n), leaderEpoch: 7 }], []));
      await place.store.halt(checkpoint, checkpoint.epoch, 'Offsets 0 to 9 are gone.');

      await place.store.resume({
        topic: TOPIC,
        partition: 0,
        topicId: 'topic-id-2',
        offset: BEYOND_DOUBLES,
        decidedBy: 'an operator; DROP TABLE checkpoints',
        reason: "They're in the backup — 😀",
        decidedAtMs: place.clock.now(),
      });

      const [resumed] = await place.store.checkpoints();
      expect(resumed).toMatchObject({
        topicId: 'topic-id-2',
        nextOffset: BEYOND_DOUBLES,
        leaderEpoch: UNKNOWN_LEADER_EPOCH,
        haltReason: null,
      });
      expect(resumed?.epoch).toBeGreaterThan(checkpoint.epoch);
      const stale = { ...checkpoint, nextOffset: BEYOND_DOUBLES };
      expect(await place.store.commit(batchOf([move(stale)], []))).toEqual({ kind: 'fenced' });
      const next = await acquireOne(place.store);
      expect(await place.store.commit(batchOf([move(next)], []))).toMatchObject({ kind: 'committed' });

      const decisions = await harness.rawQuery(
        'SELECT topic, halt_reason, decided_by, reason FROM checkpoint_decisions',
      );
      expect(decisions.map((decision) => Object.values(decision).map(String))).toEqual([
        [
          TOPIC,
          'Offsets 0 to 9 are gone.',
          'an operator; DROP TABLE checkpoints',
          "They're in the backup — 😀",
        ],
      ]);
    });

    it('every decision is recorded, also about a partition that was not halted', async () => {
      await acquireOne(place.store);
      for (const offset of [7n, 3n]) {
        await place.store.resume({
          topic: TOPIC,
          partition: 0,
          topicId: 'topic-id-1',
          offset,
          decidedBy: 'operator',
          reason: 'replay',
          decidedAtMs: place.clock.now(),
        });
      }
      expect((await place.store.checkpoints())[0]?.nextOffset).toBe(3n);
      const decisions = await harness.rawQuery(
        'SELECT from_offset, to_offset FROM checkpoint_decisions ORDER BY decision_id',
      );
      expect(decisions.map(({ from_offset, to_offset }) => [Number(from_offset), Number(to_offset)])).toEqual(
        [
          [0, 7],
          [7, 3],
        ],
      );
    });

    it('the latest decisions are listed, the newest first, with what they replaced', async () => {
      const checkpoint = await acquireOne(place.store);
      await place.store.halt(checkpoint, checkpoint.epoch, 'Offsets 0 to 9 are gone.');
      const decision = { topic: TOPIC, partition: 0, decidedBy: 'Zoë', decidedAtMs: 17 };
      for (const offset of [7n, BEYOND_DOUBLES, 3n])
        await place.store.resume({ ...decision, topicId: 'id', offset, reason: `to ${offset}` });

      const listed = await place.store.listResumed(2);
      expect(listed).toEqual([
        { ...decision, fromOffset: BEYOND_DOUBLES, toOffset: 3n, haltReason: null, reason: 'to 3' },
        {
          ...decision,
          fromOffset: 7n,
          toOffset: BEYOND_DOUBLES,
          haltReason: null,
          reason: `to ${BEYOND_DOUBLES}`,
        },
      ]);
      const [, , first] = await place.store.listResumed(9);
      expect(first).toMatchObject({ fromOffset: 0n, toOffset: 7n, haltReason: 'Offsets 0 to 9 are gone.' });
    });

    it('decisions at the same time are recorded one after the other, each with the offset that it replaced', async () => {
      await acquireOne(place.store);
      const stores = [place.store, await place.another()];
      const decision = { topic: TOPIC, partition: 0, topicId: 'id', decidedBy: 'operator', reason: 'replay' };
      const offsets = [7n, 3n, 9n, 5n];
      await Promise.all(
        offsets.map((offset, index) =>
          stores[index % 2]?.resume({ ...decision, offset, decidedAtMs: place.clock.now() }),
        ),
      );
      const listed = await place.store.listResumed(9);
      const replaced = listed.map(({ fromOffset }) => fromOffset);
      expect(replaced).toEqual([...listed.slice(1).map(({ toOffset }) => toOffset), 0n]);
    });

    it('a partition without a checkpoint cannot be resumed', async () => {
      const decision = {
        topic: TOPIC,
        partition: 9,
        topicId: 'topic-id-1',
        offset: 1n,
        decidedBy: 'operator',
        reason: 'mistaken',
        decidedAtMs: place.clock.now(),
      };
      await expect(place.store.resume(decision)).rejects.toMatchObject({
        code: 'store_refused',
        retryable: false,
      });
      expect(await place.store.checkpoints()).toEqual([]);
    });
  });
}
