import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { partitionName } from '../../src/core/offset.ts';
import type { EventLog, NewRecord } from '../../src/ports/event-log.ts';
import {
  bytesOf,
  type EventLogCapabilities,
  type EventLogHarness,
  eventually,
  newRecord,
  partitionsOf,
  plain,
  type ReadRecord,
  TestMember,
  text,
  valueText,
} from './event-log-harness.ts';

export type { EventLogCapabilities, EventLogHarness } from './event-log-harness.ts';

const generousBuffer = 8 << 20;
const generousLimits = { maxRecords: 1000, maxBytes: 1 << 20 };

/** The promises of `src/ports/event-log.ts`, each as a test that every adapter passes. */
export function describeEventLog(
  name: string,
  open: () => Promise<EventLogHarness>,
  capabilities: EventLogCapabilities,
): void {
  const { timeoutMs } = capabilities;

  describe(`event log: ${name}`, { timeout: timeoutMs * 3 }, () => {
    let harness: EventLogHarness;
    let log: EventLog;
    const members: TestMember[] = [];

    beforeAll(async () => {
      harness = await open();
      log = harness.log;
    }, timeoutMs);
    afterEach(async () => {
      await Promise.all(members.splice(0).map((member) => member.consumer.close()));
    }, timeoutMs);
    afterAll(async () => {
      await harness?.cleanup();
    }, timeoutMs);

    async function newTopic(partitions: number): Promise<string> {
      const topic = `contract-${randomUUID()}`;
      await log.createTopics([{ topic, partitions }]);
      return topic;
    }

    function newMember(
      topics: readonly string[],
      options: {
        group?: string;
        on?: EventLog;
        maxBufferedBytes?: number;
      } & ConstructorParameters<typeof TestMember>[2] = {},
    ): TestMember {
      const consumer = (options.on ?? log).consumer({
        group: options.group ?? `contract-${randomUUID()}`,
        topics,
        maxBufferedBytes: options.maxBufferedBytes ?? generousBuffer,
      });
      const member = new TestMember(consumer, timeoutMs, options);
      members.push(member);
      return member;
    }

    async function append(records: readonly NewRecord[]) {
      const producer = log.producer();
      try {
        return await producer.append(records);
      } finally {
        await producer.close();
      }
    }

    async function rangesOf(topic: string) {
      const [description] = await log.describe([topic]);
      return (description?.partitions ?? []).map(({ startOffset, endOffset }) => [startOffset, endOffset]);
    }

    describe('topics', () => {
      it('describes a new topic as empty partitions from 0, under an id of its own', async () => {
        const first = await newTopic(3);
        const second = await newTopic(1);
        const [description, other] = await log.describe([first, second]);
        expect(description?.topic).toBe(first);
        expect(description?.partitions).toEqual(
          partitionsOf(first, 3).map((partition) => ({ ...partition, startOffset: 0n, endOffset: 0n })),
        );
        expect(description?.topicId).not.toBe('');
        expect(description?.topicId).not.toBe(other?.topicId);
      });

      it('leaves a topic out of the description that does not exist', async () => {
        const topic = await newTopic(1);
        const found = await log.describe([`contract-${randomUUID()}`, topic]);
        expect(found.map((description) => description.topic)).toEqual([topic]);
      });

      it('leaves topics that exist as they are, and makes the missing ones beside them', async () => {
        const topic = await newTopic(2);
        await append([newRecord(topic, 'a', 'kept')]);
        const before = await log.describe([topic]);
        const another = `contract-${randomUUID()}`;
        await log.createTopics([
          { topic, partitions: 5 },
          { topic: another, partitions: 1 },
        ]);
        expect(await log.describe([topic])).toEqual(before);
        expect(await rangesOf(another)).toEqual([[0n, 0n]]);
      });

      it('moves the end offset with each append', async () => {
        const topic = await newTopic(1);
        await append([newRecord(topic, 'a', '1'), newRecord(topic, 'a', '2')]);
        expect(await rangesOf(topic)).toEqual([[0n, 2n]]);
      });

      it('sees through one client what another one made', async () => {
        const another = await harness.openAnother();
        const topic = await newTopic(2);
        const positions = await append([newRecord(topic, 'a', '1')]);
        const [description] = await another.describe([topic]);
        expect(description?.partitions[positions[0]?.partition ?? -1]?.endOffset).toBe(1n);
        await another.close();
      });
    });

    describe('appending', () => {
      it('answers the places in the sequence given, and they hold those records', async () => {
        const topic = await newTopic(4);
        const records = Array.from({ length: 50 }, (_, i) => newRecord(topic, `key-${i % 13}`, `value-${i}`));
        const positions = await append(records);
        expect(positions).toHaveLength(50);
        const member = await (await newMember([topic]).start()).untilHolds(4);
        const read = await member.read(partitionsOf(topic, 4), 50);
        const byPlace = new Map(read.map((record) => [place(record), bytesOf(record)]));
        expect(positions.map((position) => byPlace.get(place(position)))).toEqual(records.map(bytesOf));
      });

      it('gives offsets from 0 on without a gap or a repetition, to appends made at once too', async () => {
        const topic = await newTopic(1);
        const another = await harness.openAnother();
        const producers = [log.producer(), log.producer(), another.producer()];
        const answers = await Promise.all(
          Array.from({ length: 30 }, (_, i) =>
            producers[i % 3]?.append([newRecord(topic, 'k', `${i}-a`), newRecord(topic, 'k', `${i}-b`)]),
          ),
        );
        const offsets = answers.flatMap((positions) => positions?.map(({ offset }) => Number(offset)) ?? []);
        expect(offsets.sort((left, right) => left - right)).toEqual(Array.from({ length: 60 }, (_, i) => i));
        await Promise.all(producers.map((producer) => producer.close()));
        await another.close();
      });

      it('keeps key, value and headers to the byte: null, empty, binary, repeated names', async () => {
        const topic = await newTopic(1);
        const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
        const records: NewRecord[] = [
          { topic, key: null, value: text('no key'), headers: [] },
          { topic, key: text('no value'), value: null, headers: [] },
          { topic, key: null, value: null, headers: [] },
          { topic, key: text('empty value'), value: new Uint8Array(), headers: [] },
          { topic, key: new Uint8Array(), value: text('empty key'), headers: [] },
          { topic, key: binary, value: binary, headers: [['binary', binary]] },
          {
            topic,
            key: text('headers'),
            value: text('v'),
            headers: [
              ['twice', text('1')],
              ['other', null],
              ['twice', text('2')],
              ['empty', new Uint8Array()],
              ['naïve ✓ 名', text('utf-8 name')],
            ],
          },
          { topic, key: text('long'), value: new Uint8Array(200_000).fill(7), headers: [] },
        ];
        await append(records);
        const member = await (await newMember([topic]).start()).untilHolds(1);
        const read = await member.read(partitionsOf(topic, 1), records.length);
        expect(read.map(bytesOf)).toEqual(records.map(bytesOf));
      });

      it('stamps records with the wall clock in milliseconds', async () => {
        const topic = await newTopic(1);
        await append([newRecord(topic, 'k', 'v')]);
        const member = await (await newMember([topic]).start()).untilHolds(1);
        const [record] = await member.read(partitionsOf(topic, 1), 1);
        const day = 24 * 60 * 60 * 1000;
        expect(Math.abs((record?.timestampMs ?? 0) - Date.now())).toBeLessThan(day);
      });

      it('puts the same key into the same partition always, and spreads many keys', async () => {
        const topic = await newTopic(4);
        const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
        const first = await append(keys.map((key) => newRecord(topic, key, '1')));
        const second = await append(keys.map((key) => newRecord(topic, key, '2')));
        expect(second.map(({ partition }) => partition)).toEqual(first.map(({ partition }) => partition));
        expect(new Set(first.map(({ partition }) => partition)).size).toBe(4);
      });

      it.skipIf(!capabilities.partitionsLikeKafka)('chooses the partition that Kafka would', async () => {
        // The hashes are those of Kafka's own UtilsTest.testMurmur2, here without the sign bit.
        const hashes: [string, number][] = [
          ['21', -973932308],
          ['foobar', -790332482],
          ['a-little-bit-long-string', -985981536],
          ['a-little-bit-longer-string', -1486304829],
          ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
        ];
        const topic = await newTopic(7);
        const positions = await append(hashes.map(([key]) => newRecord(topic, key, 'v')));
        expect(positions.map(({ partition }) => partition)).toEqual(
          hashes.map(([, hash]) => (hash & 0x7fffffff) % 7),
        );
      });

      it('keeps the records of one key in the sequence of their appending', async () => {
        const topic = await newTopic(3);
        const producer = log.producer();
        for (let round = 0; round < 10; round += 1) {
          await producer.append(['a', 'b', 'c', 'd'].map((key) => newRecord(topic, key, `${round}`)));
        }
        await producer.close();
        const member = await (await newMember([topic]).start()).untilHolds(3);
        const read = await member.read(partitionsOf(topic, 3), 40);
        for (const key of ['a', 'b', 'c', 'd']) {
          const values = read
            .filter((record) => Buffer.from(record.key ?? []).toString() === key)
            .map(valueText);
          expect(values).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
        }
      });

      it('appends to several topics in one call', async () => {
        const topics = [await newTopic(1), await newTopic(1)];
        const positions = await append(
          topics.flatMap((topic) => [newRecord(topic, 'k', '1'), newRecord(topic, 'k', '2')]),
        );
        expect(positions.map(({ topic, offset }) => [topic, offset])).toEqual(
          topics.flatMap((topic) => [
            [topic, 0n],
            [topic, 1n],
          ]),
        );
      });

      it('answers nothing for nothing', async () => {
        expect(await append([])).toEqual([]);
      });

      it('rejects with topic_missing for a topic that does not exist', async () => {
        await expect(append([newRecord(`contract-${randomUUID()}`, 'k', 'v')])).rejects.toMatchObject({
          code: 'topic_missing',
          retryable: false,
        });
      });
    });

    describe('reading', () => {
      it('reads nothing before follow, then from the offset given on', async () => {
        const topic = await newTopic(1);
        await append(Array.from({ length: 10 }, (_, i) => newRecord(topic, 'k', `${i}`)));
        const member = await (await newMember([topic], { startAt: () => null }).start()).untilHolds(1);
        expect(
          await member.consumer.take(partitionsOf(topic, 1), generousLimits, new AbortController().signal),
        ).toEqual([]);
        member.consumer.follow([{ topic, partition: 0, offset: 7n }]);
        const read = await member.read(partitionsOf(topic, 1), 3);
        expect(read.map(({ offset }) => offset)).toEqual([7n, 8n, 9n]);
        expect(read.map(valueText)).toEqual(['7', '8', '9']);
      });

      it('takes no more than the limits, but at least one batch whatever its size', async () => {
        const topic = await newTopic(2);
        for (let i = 0; i < 20; i += 1) await append([newRecord(topic, `key-${i}`, 'x'.repeat(500))]);
        const member = await (await newMember([topic]).start()).untilHolds(2);
        let taken = 0;
        const signal = AbortSignal.timeout(timeoutMs);
        for (const limits of [
          { maxRecords: 1, maxBytes: 1 },
          { maxRecords: 5, maxBytes: 1 << 20 },
          { maxRecords: 1000, maxBytes: 2000 },
          { maxRecords: 1, maxBytes: 1 << 20 },
        ]) {
          const batches = await member.consumer.take(partitionsOf(topic, 2), limits, signal);
          expect(batches.length).toBeGreaterThan(0);
          const records = batches.flatMap((batch) => batch.records);
          const bytes = records.reduce((sum, record) => sum + (record.value?.byteLength ?? 0), 0);
          if (batches.length > 1) {
            expect(records.length).toBeLessThanOrEqual(limits.maxRecords);
            expect(bytes).toBeLessThanOrEqual(limits.maxBytes);
          }
          taken += records.length;
        }
        expect(taken).toBeGreaterThan(0);
        await member.read(partitionsOf(topic, 2), 20 - taken);
      });

      it('reads a partition of many records to its end without a gap', async () => {
        const topic = await newTopic(1);
        const count = 5000;
        await append(Array.from({ length: count }, (_, i) => newRecord(topic, 'k', `${i}`)));
        const member = await (await newMember([topic]).start()).untilHolds(1);
        const read = await member.read(partitionsOf(topic, 1), count);
        expect(read.map(valueText)).toEqual(Array.from({ length: count }, (_, i) => `${i}`));
        expect(member.consumer.ends()).toEqual([{ topic, partition: 0, offset: BigInt(count) }]);
      });

      it('gets everything through a buffer far smaller than the records', async () => {
        const topic = await newTopic(2);
        const values = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(1000, '.'));
        await append(values.map((value, i) => newRecord(topic, `${i}`, value)));
        const member = await (await newMember([topic], { maxBufferedBytes: 3000 }).start()).untilHolds(2);
        const read = await member.read(partitionsOf(topic, 2), 60);
        expect(read.map(valueText).sort()).toEqual([...values].sort());
      });

      it('waits for records, and wakes when they come from another client', async () => {
        const topic = await newTopic(2);
        const member = await (await newMember([topic]).start()).untilHolds(2);
        const reading = member.read(partitionsOf(topic, 2), 1);
        const another = await harness.openAnother();
        const producer = another.producer();
        const [position] = await producer.append([newRecord(topic, 'k', 'awaited')]);
        const [record] = await reading;
        expect(record && [place(record), valueText(record)]).toEqual([
          position && place(position),
          'awaited',
        ]);
        await another.close();
      });

      it('gives a take only the partitions that it asks for, while another take waits for others', async () => {
        const topic = await newTopic(2);
        const member = await (await newMember([topic]).start()).untilHolds(2);
        const lanes = partitionsOf(topic, 2).map((partition) => member.read([partition], 5));
        await append(Array.from({ length: 60 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
        const read = await Promise.all(lanes);
        read.forEach((records, partition) => {
          expect(new Set(records.map((record) => record.partition))).toEqual(new Set([partition]));
        });
      });

      it('resolves with nothing when the signal aborts, before the call or while waiting', async () => {
        const topic = await newTopic(1);
        const member = await (await newMember([topic]).start()).untilHolds(1);
        const partitions = partitionsOf(topic, 1);
        expect(await member.consumer.take(partitions, generousLimits, AbortSignal.abort())).toEqual([]);
        const controller = new AbortController();
        const waiting = member.consumer.take(partitions, generousLimits, controller.signal);
        setTimeout(() => controller.abort(), 50);
        expect(await waiting).toEqual([]);
      });

      it('resolves with nothing when the partition is unfollowed while a take waits', async () => {
        const topic = await newTopic(1);
        const member = await (await newMember([topic]).start()).untilHolds(1);
        const partitions = partitionsOf(topic, 1);
        const waiting = member.consumer.take(partitions, generousLimits, new AbortController().signal);
        setTimeout(() => member.consumer.unfollow(partitions), 50);
        expect(await waiting).toEqual([]);
      });

      it('resolves with nothing for a partition that is not its own', async () => {
        const topic = await newTopic(1);
        const member = await (await newMember([topic]).start()).untilHolds(1);
        const foreign = [{ topic: `contract-${randomUUID()}`, partition: 0 }];
        expect(await member.consumer.take(foreign, generousLimits, new AbortController().signal)).toEqual([]);
      });

      it('goes on from the new offset after another follow, and gives nothing that waited before', async () => {
        const topic = await newTopic(1);
        await append(Array.from({ length: 100 }, (_, i) => newRecord(topic, 'k', `${i}`)));
        const member = await (await newMember([topic]).start()).untilHolds(1);
        const partitions = partitionsOf(topic, 1);
        await member.consumer.take(
          partitions,
          { maxRecords: 1, maxBytes: 1 },
          AbortSignal.timeout(timeoutMs),
        );
        member.consumer.follow([{ topic, partition: 0, offset: 90n }]);
        const forward = await member.read(partitions, 10);
        expect(forward.map(({ offset }) => Number(offset))).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
        member.consumer.follow([{ topic, partition: 0, offset: 0n }]);
        const back = await member.read(partitions, 100);
        expect(back.map(valueText)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
      });

      it('gives nothing of an unfollowed partition, and goes on with the others', async () => {
        const topic = await newTopic(2);
        const member = await (await newMember([topic]).start()).untilHolds(2);
        await append(Array.from({ length: 40 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
        const kept = (await rangesOf(topic)).map(([, end]) => Number(end));
        member.consumer.unfollow([{ topic, partition: 0 }]);
        const read = await member.read(partitionsOf(topic, 2), kept[1] ?? 0);
        expect(new Set(read.map(({ partition }) => partition))).toEqual(new Set([1]));
        expect(
          await member.consumer.take([{ topic, partition: 0 }], generousLimits, new AbortController().signal),
        ).toEqual([]);
      });

      it('answers where the log ends, for what it has read', async () => {
        const topic = await newTopic(2);
        const positions = await append([newRecord(topic, 'k', '1'), newRecord(topic, 'k', '2')]);
        const member = newMember([topic]);
        expect(member.consumer.ends()).toEqual([]);
        await (await member.start()).untilHolds(2);
        await member.read(partitionsOf(topic, 2), 2);
        const partition = positions[0]?.partition ?? -1;
        expect(member.consumer.ends()).toContainEqual({ topic, partition, offset: 2n });
      });
    });

    describe('faults', () => {
      it('halts a partition whose offset lies beyond the end, and never resets it', async () => {
        const topic = await newTopic(2);
        await append(Array.from({ length: 20 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
        const member = await (
          await newMember([topic], { startAt: ({ partition }) => (partition === 0 ? 1000n : 0n) }).start()
        ).untilHolds(2);
        const other = Number((await rangesOf(topic))[1]?.[1]);
        const read = await member.read(partitionsOf(topic, 2), other);
        expect(new Set(read.map(({ partition }) => partition))).toEqual(new Set([1]));
        await member.untilFaults(1);
        expect(member.faults).toEqual([
          { topic, partition: 0, kind: 'offset_out_of_range', offset: 1000n, detail: expect.any(String) },
        ]);
        await append(Array.from({ length: 20 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
        const halted = [{ topic, partition: 0 }];
        expect(await member.consumer.take(halted, generousLimits, new AbortController().signal)).toEqual([]);
        member.consumer.follow([{ topic, partition: 0, offset: 1n }]);
        const [record] = await member.read(halted, 1);
        expect(record?.offset).toBe(1n);
        expect(member.faults).toHaveLength(1);
      });

      it('halts a partition whose offset the log no longer has, and tells the range that it has', async ({
        skip,
      }) => {
        const { deleteRecords } = harness;
        if (deleteRecords === null) skip('this log under test offers no way to delete its oldest records');
        const topic = await newTopic(1);
        await append(Array.from({ length: 10 }, (_, i) => newRecord(topic, 'k', `${i}`)));
        await deleteRecords?.({ topic, partition: 0 }, 4n);
        expect(await rangesOf(topic)).toEqual([[4n, 10n]]);
        const member = await (await newMember([topic], { startAt: () => 3n }).start()).untilHolds(1);
        expect(member.held.get(partitionName({ topic, partition: 0 }))).toMatchObject({
          startOffset: 4n,
          endOffset: 10n,
        });
        const none = await member.consumer.take(
          partitionsOf(topic, 1),
          generousLimits,
          AbortSignal.timeout(timeoutMs),
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
        member.consumer.follow([{ topic, partition: 0, offset: 4n }]);
        expect((await member.read(partitionsOf(topic, 1), 6)).map(valueText)).toEqual([
          '4',
          '5',
          '6',
          '7',
          '8',
          '9',
        ]);
      });

      it('halts a partition whose topic was deleted and made again', async ({ skip }) => {
        const { recreateTopic } = harness;
        if (recreateTopic === null) skip('this log under test offers no way to delete a topic');
        const topic = await newTopic(1);
        await append([newRecord(topic, 'k', 'old'), newRecord(topic, 'k', 'older')]);
        const [before] = await log.describe([topic]);
        const member = await (await newMember([topic]).start()).untilHolds(1);
        await member.read(partitionsOf(topic, 1), 2);
        await recreateTopic?.(topic, 1);
        await append(['1', '2', '3', '4'].map((value) => newRecord(topic, 'k', value)));
        const taken = await member.consumer.take(
          partitionsOf(topic, 1),
          generousLimits,
          AbortSignal.timeout(timeoutMs),
        );
        expect(taken).toEqual([]);
        await member.untilFaults(1);
        expect(member.faults[0]).toMatchObject({ kind: 'topic_recreated', topic, partition: 0 });
        const [after] = await log.describe([topic]);
        expect(after?.topicId).not.toBe(before?.topicId);
      });
    });

    describe('groups', () => {
      it('assigns everything to the only member, with ids and ranges, and is healthy', async () => {
        const topics = [await newTopic(3), await newTopic(2)];
        await append([newRecord(topics[1] ?? '', 'k', 'v')]);
        const member = await (await newMember(topics).start()).untilHolds(5);
        for (const description of await log.describe(topics)) {
          for (const range of description.partitions) {
            expect(member.held.get(partitionName(range))).toEqual({ ...range, topicId: description.topicId });
          }
        }
        expect(member.consumer.health()).toEqual({ ok: true });
        expect(member.mostCallsAtOnce).toBe(1);
      });

      it('is not healthy before it has joined, and says why', async () => {
        const health = newMember([await newTopic(1)]).consumer.health();
        expect(health).toEqual({ ok: false, reason: expect.any(String) });
      });

      it('gives a share to a second member, only after the first one has let go of it', async () => {
        const topic = await newTopic(4);
        const group = `contract-${randomUUID()}`;
        const sequence: string[] = [];
        let release = () => {};
        const released = new Promise<void>((resolve) => {
          release = resolve;
        });
        const first = await (
          await newMember([topic], {
            group,
            onRevoked: async (partitions) => {
              sequence.push(`revoking ${partitions.length > 0}`);
              await released;
              sequence.push('revoked');
            },
          }).start()
        ).untilHolds(4);
        const second = await newMember([topic], {
          group,
          on: await harness.openAnother(),
          startAt: (partition) => {
            sequence.push('assigned');
            return partition.startOffset;
          },
        }).start();
        await eventually(
          () => sequence.length > 0,
          timeoutMs,
          () => 'the first member asked to let go',
        );
        // Time enough to go wrong in: nothing may be assigned while the first member still holds on.
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(sequence).toEqual(['revoking true']);
        release();
        await second.untilHolds(2);
        await first.untilHolds(2);
        expect(sequence.slice(0, 3)).toEqual(['revoking true', 'revoked', 'assigned']);
        expect([...first.holds(), ...second.holds()].sort()).toEqual(
          partitionsOf(topic, 4).map(partitionName),
        );
        expect(first.mostCallsAtOnce).toBe(1);
        expect(second.mostCallsAtOnce).toBe(1);
      });

      it('goes on with what a member keeps, and gives it nothing of what it let go', async () => {
        const topic = await newTopic(4);
        const group = `contract-${randomUUID()}`;
        const first = await (await newMember([topic], { group }).start()).untilHolds(4);
        const second = await (await newMember([topic], { group }).start()).untilHolds(2);
        await first.untilHolds(2);
        const values = Array.from({ length: 80 }, (_, i) => `${i}`);
        await append(values.map((value) => newRecord(topic, value, value)));
        const ends = await rangesOf(topic);
        const shares = await Promise.all(
          [first, second].map((member) => {
            const own = [...member.held.values()];
            const count = own.reduce((sum, { partition }) => sum + Number(ends[partition]?.[1]), 0);
            return member.read(partitionsOf(topic, 4), count);
          }),
        );
        expect(shares.flat().map(valueText).sort()).toEqual([...values].sort());
      });

      it('puts partition p of topics with equal counts at the same member', async () => {
        const topics = [await newTopic(4), await newTopic(4)];
        const group = `contract-${randomUUID()}`;
        const pair = [newMember(topics, { group }), newMember(topics, { group })];
        for (const member of pair) await member.start();
        for (const member of pair) await member.untilHolds(4);
        for (const member of pair) {
          const numbers = topics.map((topic) =>
            [...member.held.values()]
              .filter((held) => held.topic === topic)
              .map(({ partition }) => partition)
              .sort(),
          );
          expect(numbers[0]).toEqual(numbers[1]);
        }
      });

      it('shares topics of unequal counts so that each partition has one owner', async () => {
        const topics = [await newTopic(3), await newTopic(5)];
        const group = `contract-${randomUUID()}`;
        const trio = [
          newMember(topics, { group }),
          newMember(topics, { group }),
          newMember(topics, { group }),
        ];
        for (const member of trio) await member.start();
        const all = [...partitionsOf(topics[0] ?? '', 3), ...partitionsOf(topics[1] ?? '', 5)]
          .map(partitionName)
          .sort();
        await eventually(
          () => {
            const held = trio.flatMap((member) => member.holds()).sort();
            return held.join() === all.join() && trio.every((member) => member.held.size > 0);
          },
          timeoutMs,
          () => `one owner each: ${trio.map((member) => member.holds().join(' ')).join(' | ')}`,
        );
      });

      it('hands everything on when a member closes, after revoked', async () => {
        const topic = await newTopic(4);
        const group = `contract-${randomUUID()}`;
        const first = await (await newMember([topic], { group }).start()).untilHolds(4);
        const second = await (await newMember([topic], { group }).start()).untilHolds(2);
        await first.untilHolds(2);
        await first.consumer.close();
        expect(first.held.size).toBe(0);
        expect(first.calls.at(-1)?.kind).toBe('revoked');
        await second.untilHolds(4);
        expect(second.calls.map(({ kind }) => kind)).not.toContain('lost');
      });

      it('gives each group everything', async () => {
        const topic = await newTopic(2);
        await append(Array.from({ length: 10 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
        const pair = [newMember([topic]), newMember([topic])];
        for (const member of pair) await (await member.start()).untilHolds(2);
        for (const member of pair) {
          expect(await member.read(partitionsOf(topic, 2), 10)).toHaveLength(10);
        }
      });

      it('takes a courtesy commit of its positions, and never reads by it', async () => {
        const topic = await newTopic(1);
        const group = `contract-${randomUUID()}`;
        await append(Array.from({ length: 5 }, (_, i) => newRecord(topic, 'k', `${i}`)));
        const first = await (await newMember([topic], { group }).start()).untilHolds(1);
        await first.consumer.commit([{ topic, partition: 0, offset: 3n }]);
        await first.consumer.commit([]);
        await first.consumer.close();
        const second = await (await newMember([topic], { group }).start()).untilHolds(1);
        expect((await second.read(partitionsOf(topic, 1), 5)).map(valueText)).toEqual([
          '0',
          '1',
          '2',
          '3',
          '4',
        ]);
      });
    });

    describe('closing', () => {
      it('may be done twice, on every object, and ends a waiting take with nothing', async () => {
        const another = await harness.openAnother();
        const topic = await newTopic(1);
        const producer = another.producer();
        await producer.append([newRecord(topic, 'k', 'v')]);
        const member = await (await newMember([topic], { on: another }).start()).untilHolds(1);
        await member.read(partitionsOf(topic, 1), 1);
        const waiting = member.consumer.take(
          partitionsOf(topic, 1),
          generousLimits,
          new AbortController().signal,
        );
        await Promise.all([member.consumer.close(), member.consumer.close()]);
        await member.consumer.close();
        expect(await waiting).toEqual([]);
        expect(member.consumer.health().ok).toBe(false);
        await producer.close();
        await producer.close();
        await another.close();
        await another.close();
      });

      it('is done for a consumer that never started', async () => {
        const { consumer } = newMember([await newTopic(1)]);
        await consumer.close();
        expect(consumer.health().ok).toBe(false);
      });

      it('closes what is still open when the log itself closes', async () => {
        const another = await harness.openAnother();
        onTestFinished(() => another.close());
        const topic = await newTopic(1);
        const member = await (await newMember([topic], { on: another }).start()).untilHolds(1);
        await another.close();
        expect(member.held.size).toBe(0);
      });
    });
  });
}

function place(position: { topic: string; partition: number; offset: bigint } | ReadRecord): string {
  return `${partitionName(plain(position))}@${position.offset}`;
}
