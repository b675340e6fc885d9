import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { partitionName } from '../../src/core/offset.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../src/ports/event-log.ts';
import {
  type EventLogSuite,
  generousLimits,
  newRecord,
  partitionsOf,
  placeOf,
  valueText,
} from './event-log-harness.ts';

/** The tests of reading and of its faults: a part of the suite in `event-log.ts`. */
export function describeReading(suite: EventLogSuite): void {
  describe('reading', () => {
    it('a consumer reads nothing before follow, then from the given offset on', async () => {
      const topic = await suite.newTopic(1);
      await suite.append(Array.from({ length: 10 }, (_, i) => newRecord(topic, 'k', `${i}`)));
      const member = await (await suite.newMember([topic], { startAt: () => null }).start()).untilHolds(1);
      expect(
        await member.consumer.take(partitionsOf(topic, 1), generousLimits, new AbortController().signal),
      ).toEqual([]);
      member.consumer.follow([{ topic, partition: 0, offset: 7n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
      const read = await member.read(partitionsOf(topic, 1), 3);
      expect(read.map(({ offset }) => offset)).toEqual([7n, 8n, 9n]);
      expect(read.map(valueText)).toEqual(['7', '8', '9']);
    });

    it('a take stays within its limits, but returns at least one element', async () => {
      const topic = await suite.newTopic(2);
      for (let i = 0; i < 20; i += 1) await suite.append([newRecord(topic, `key-${i}`, 'x'.repeat(500))]);
      const member = await (await suite.newMember([topic]).start()).untilHolds(2);
      let taken = 0;
      const signal = AbortSignal.timeout(suite.timeoutMs);
      for (const limits of [
        { maxRecords: 1, maxBytes: 1 },
        { maxRecords: 5, maxBytes: 1 << 20 },
        { maxRecords: 1000, maxBytes: 2000 },
        { maxRecords: 1, maxBytes: 1 << 20 },
      ]) {
        const some = await member.consumer.take(partitionsOf(topic, 2), limits, signal);
        expect(some.length).toBeGreaterThan(0);
        const records = some.flatMap((fetched) => fetched.records);
        const bytes = records.reduce((sum, record) => sum + (record.value?.byteLength ?? 0), 0);
        if (some.length > 1) {
          expect(records.length).toBeLessThanOrEqual(limits.maxRecords);
          expect(bytes).toBeLessThanOrEqual(limits.maxBytes);
        }
        taken += records.length;
      }
      expect(taken).toBeGreaterThan(0);
      await member.read(partitionsOf(topic, 2), 20 - taken);
    });

    it('a partition of 5,000 records is read to its end without a gap', async () => {
      const topic = await suite.newTopic(1);
      const count = 5000;
      await suite.append(Array.from({ length: count }, (_, i) => newRecord(topic, 'k', `${i}`)));
      const member = await (await suite.newMember([topic]).start()).untilHolds(1);
      const read = await member.read(partitionsOf(topic, 1), count);
      expect(read.map(valueText)).toEqual(Array.from({ length: count }, (_, i) => `${i}`));
      expect(member.consumer.ends()).toEqual([{ topic, partition: 0, offset: BigInt(count) }]);
    });

    it('records are read through a buffer far smaller than all of them', async () => {
      const topic = await suite.newTopic(2);
      const values = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(1000, '.'));
      await suite.append(values.map((value, i) => newRecord(topic, `${i}`, value)));
      const member = await (await suite.newMember([topic], { maxBufferedBytes: 3000 }).start()).untilHolds(2);
      const read = await member.read(partitionsOf(topic, 2), 60);
      expect(read.map(valueText).sort()).toEqual([...values].sort());
    });

    it('a take waits for records, and wakes when another client appends some', async () => {
      const topic = await suite.newTopic(2);
      const member = await (await suite.newMember([topic]).start()).untilHolds(2);
      const reading = member.read(partitionsOf(topic, 2), 1);
      const another = await suite.harness.openAnother();
      const producer = another.producer();
      const [appended] = await producer.append([newRecord(topic, 'k', 'awaited')]);
      const [record] = await reading;
      expect(record && [placeOf(record), valueText(record)]).toEqual([
        appended && placeOf(appended),
        'awaited',
      ]);
      await another.close();
    });

    it('a take returns only the partitions that it asks for, while another take waits for others', async () => {
      const topic = await suite.newTopic(2);
      const member = await (await suite.newMember([topic]).start()).untilHolds(2);
      const readings = partitionsOf(topic, 2).map((partition) => member.read([partition], 5));
      await suite.append(Array.from({ length: 60 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
      const read = await Promise.all(readings);
      read.forEach((records, partition) => {
        expect(new Set(records.map((record) => record.partition))).toEqual(new Set([partition]));
      });
    });

    it('a take resolves with an empty list when its signal aborts, before the call or while it waits', async () => {
      const topic = await suite.newTopic(1);
      const member = await (await suite.newMember([topic]).start()).untilHolds(1);
      const partitions = partitionsOf(topic, 1);
      expect(await member.consumer.take(partitions, generousLimits, AbortSignal.abort())).toEqual([]);
      const controller = new AbortController();
      const waiting = member.consumer.take(partitions, generousLimits, controller.signal);
      setTimeout(() => controller.abort(), 50);
      expect(await waiting).toEqual([]);
    });

    it('a waiting take resolves with an empty list when its partition is unfollowed', async () => {
      const topic = await suite.newTopic(1);
      const member = await (await suite.newMember([topic]).start()).untilHolds(1);
      const partitions = partitionsOf(topic, 1);
      const waiting = member.consumer.take(partitions, generousLimits, new AbortController().signal);
      setTimeout(() => member.consumer.unfollow(partitions), 50);
      expect(await waiting).toEqual([]);
    });

    it('a take of a partition of no member resolves with an empty list', async () => {
      const topic = await suite.newTopic(1);
      const member = await (await suite.newMember([topic]).start()).untilHolds(1);
      const foreign = [{ topic: `contract-${randomUUID()}`, partition: 0 }];
      expect(await member.consumer.take(foreign, generousLimits, new AbortController().signal)).toEqual([]);
    });

    it('a second follow reads from its offset on, and drops what was read before', async () => {
      const topic = await suite.newTopic(1);
      await suite.append(Array.from({ length: 100 }, (_, i) => newRecord(topic, 'k', `${i}`)));
      const member = await (await suite.newMember([topic]).start()).untilHolds(1);
      const partitions = partitionsOf(topic, 1);
      await member.consumer.take(
        partitions,
        { maxRecords: 1, maxBytes: 1 },
        AbortSignal.timeout(suite.timeoutMs),
      );
      member.consumer.follow([{ topic, partition: 0, offset: 90n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
      const forward = await member.read(partitions, 10);
      expect(forward.map(({ offset }) => Number(offset))).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
      member.consumer.follow([{ topic, partition: 0, offset: 0n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
      const back = await member.read(partitions, 100);
      expect(back.map(valueText)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    });

    it('an unfollowed partition is not read, and the others are', async () => {
      const topic = await suite.newTopic(2);
      const member = await (await suite.newMember([topic]).start()).untilHolds(2);
      await suite.append(Array.from({ length: 40 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
      const kept = (await suite.rangesOf(topic)).map(([, end]) => Number(end));
      member.consumer.unfollow([{ topic, partition: 0 }]);
      const read = await member.read(partitionsOf(topic, 2), kept[1] ?? 0);
      expect(new Set(read.map(({ partition }) => partition))).toEqual(new Set([1]));
      expect(
        await member.consumer.take([{ topic, partition: 0 }], generousLimits, new AbortController().signal),
      ).toEqual([]);
    });

    it('ends tells the end offset of each partition that was read', async () => {
      const topic = await suite.newTopic(2);
      const offsets = await suite.append([newRecord(topic, 'k', '1'), newRecord(topic, 'k', '2')]);
      const member = suite.newMember([topic]);
      expect(member.consumer.ends()).toEqual([]);
      await (await member.start()).untilHolds(2);
      await member.read(partitionsOf(topic, 2), 2);
      const partition = offsets[0]?.partition ?? -1;
      expect(member.consumer.ends()).toContainEqual({ topic, partition, offset: 2n });
    });
  });

  describe('faults', () => {
    it('a partition whose offset lies beyond the end halts, and its offset is not reset', async () => {
      const topic = await suite.newTopic(2);
      await suite.append(Array.from({ length: 20 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
      const member = await (
        await suite.newMember([topic], { startAt: ({ partition }) => (partition === 0 ? 1000n : 0n) }).start()
      ).untilHolds(2);
      const other = Number((await suite.rangesOf(topic))[1]?.[1]);
      const read = await member.read(partitionsOf(topic, 2), other);
      expect(new Set(read.map(({ partition }) => partition))).toEqual(new Set([1]));
      await member.untilFaults(1);
      expect(member.faults).toEqual([
        { topic, partition: 0, kind: 'offset_out_of_range', offset: 1000n, detail: expect.any(String) },
      ]);
      await suite.append(Array.from({ length: 20 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
      const halted = [{ topic, partition: 0 }];
      expect(await member.consumer.take(halted, generousLimits, new AbortController().signal)).toEqual([]);
      member.consumer.follow([{ topic, partition: 0, offset: 1n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
      const [record] = await member.read(halted, 1);
      expect(record?.offset).toBe(1n);
      expect(member.faults).toHaveLength(1);
    });

    it('several faults are reported one after the other', async () => {
      const topic = await suite.newTopic(3);
      const member = await (await suite.newMember([topic], { startAt: () => 1000n }).start()).untilHolds(3);
      await member.untilFaults(3);
      expect(member.faults.map(({ partition }) => partition).sort()).toEqual([0, 1, 2]);
      expect(member.mostCallsAtOnce).toBe(1);
    });

    it('a partition whose offset was deleted halts, and names the offset at which the log begins', async ({
      skip,
    }) => {
      const { deleteRecords } = suite.harness;
      if (deleteRecords === null) skip('this log under test offers no way to delete its oldest records');
      const topic = await suite.newTopic(1);
      await suite.append(Array.from({ length: 10 }, (_, i) => newRecord(topic, 'k', `${i}`)));
      await deleteRecords?.({ topic, partition: 0 }, 4n);
      expect(await suite.rangesOf(topic)).toEqual([[4n, 10n]]);
      const member = await (await suite.newMember([topic], { startAt: () => 3n }).start()).untilHolds(1);
      expect(member.held.get(partitionName({ topic, partition: 0 }))).toMatchObject({
        startOffset: 4n,
        endOffset: 10n,
      });
      const none = await member.consumer.take(
        partitionsOf(topic, 1),
        generousLimits,
        AbortSignal.timeout(suite.timeoutMs),
      );
      expect(none).toEqual([]);
      await member.untilFaults(1);
      expect(member.faults[0]).toMatchObject({
        kind: 'offset_out_of_range',
        topic,
        partition: 0,
        offset: 3n,
      });
      expect(member.faults[0]?.detail).toMatch(/\b4\b/);
      member.consumer.follow([{ topic, partition: 0, offset: 4n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
      expect((await member.read(partitionsOf(topic, 1), 6)).map(valueText)).toEqual([
        '4',
        '5',
        '6',
        '7',
        '8',
        '9',
      ]);
    });

    it('a partition whose topic was deleted and made again halts', async ({ skip }) => {
      const { recreateTopic } = suite.harness;
      if (recreateTopic === null) skip('this log under test offers no way to delete a topic');
      const topic = await suite.newTopic(1);
      await suite.append([newRecord(topic, 'k', 'old'), newRecord(topic, 'k', 'older')]);
      const [before] = await suite.log.describe([topic]);
      const member = await (await suite.newMember([topic]).start()).untilHolds(1);
      await member.read(partitionsOf(topic, 1), 2);
      await recreateTopic?.(topic, 1);
      await suite.append(['1', '2', '3', '4'].map((value) => newRecord(topic, 'k', value)));
      const taken = await member.consumer.take(
        partitionsOf(topic, 1),
        generousLimits,
        AbortSignal.timeout(suite.timeoutMs),
      );
      expect(taken).toEqual([]);
      await member.untilFaults(1);
      expect(member.faults[0]).toMatchObject({
        kind: 'topic_recreated',
        topic,
        partition: 0,
        // The member may look at the topic before it is made again.
        detail: expect.stringMatching(/is another topic \(made anew, or another cluster\)|was deleted/),
      });
      const [after] = await suite.log.describe([topic]);
      expect(after?.topicId).not.toBe(before?.topicId);
    });
  });
}
