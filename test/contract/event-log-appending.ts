import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { NewRecord } from '../../src/ports/event-log.ts';
import {
  bytesOf,
  type EventLogSuite,
  newRecord,
  partitionsOf,
  placeOf,
  text,
  valueText,
} from './event-log-harness.ts';

/** The tests of topics and appends: a part of the suite in `event-log.ts`. */
export function describeAppending(suite: EventLogSuite): void {
  describe('topics', () => {
    it('a new topic is described as empty partitions from offset 0, with an id of its own', async () => {
      const first = await suite.newTopic(3);
      const second = await suite.newTopic(1);
      const [description, other] = await suite.log.describe([first, second]);
      expect(description?.topic).toBe(first);
      expect(description?.partitions).toEqual(
        partitionsOf(first, 3).map((partition) => ({ ...partition, startOffset: 0n, endOffset: 0n })),
      );
      expect(description?.topicId).not.toBe('');
      expect(description?.topicId).not.toBe(other?.topicId);
    });

    it('a topic that does not exist is left out of the description', async () => {
      const topic = await suite.newTopic(1);
      const found = await suite.log.describe([`contract-${randomUUID()}`, topic]);
      expect(found.map((description) => description.topic)).toEqual([topic]);
    });

    it('createTopics changes no topic that exists, and creates those that are missing', async () => {
      const topic = await suite.newTopic(2);
      await suite.append([newRecord(topic, 'a', 'kept')]);
      const before = await suite.log.describe([topic]);
      const another = `contract-${randomUUID()}`;
      await suite.log.createTopics([
        { topic, partitions: 5 },
        { topic: another, partitions: 1 },
      ]);
      expect(await suite.log.describe([topic])).toEqual(before);
      expect(await suite.rangesOf(another)).toEqual([[0n, 0n]]);
    });

    it('each append raises the end offset', async () => {
      const topic = await suite.newTopic(1);
      await suite.append([newRecord(topic, 'a', '1'), newRecord(topic, 'a', '2')]);
      expect(await suite.rangesOf(topic)).toEqual([[0n, 2n]]);
    });

    it('one client sees the topic and the records of another one', async () => {
      const another = await suite.harness.openAnother();
      const topic = await suite.newTopic(2);
      const offsets = await suite.append([newRecord(topic, 'a', '1')]);
      const [description] = await another.describe([topic]);
      expect(description?.partitions[offsets[0]?.partition ?? -1]?.endOffset).toBe(1n);
      await another.close();
    });
  });

  describe('appending', () => {
    it('an append resolves with the offsets in the sequence given, and the log has the records there', async () => {
      const topic = await suite.newTopic(4);
      const records = Array.from({ length: 50 }, (_, i) => newRecord(topic, `key-${i % 13}`, `value-${i}`));
      const offsets = await suite.append(records);
      expect(offsets).toHaveLength(50);
      const member = await (await suite.newMember([topic]).start()).untilHolds(4);
      const read = await member.read(partitionsOf(topic, 4), 50);
      const byPlace = new Map(read.map((record) => [placeOf(record), bytesOf(record)]));
      expect(offsets.map((each) => byPlace.get(placeOf(each)))).toEqual(records.map(bytesOf));
    });

    it('simultaneous appends get the offsets from 0 on, without a gap or a repetition', async () => {
      const topic = await suite.newTopic(1);
      const another = await suite.harness.openAnother();
      const producers = [suite.log.producer(), suite.log.producer(), another.producer()];
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          producers[i % 3]?.append([newRecord(topic, 'k', `${i}-a`), newRecord(topic, 'k', `${i}-b`)]),
        ),
      );
      const offsets = answers.flatMap((appended) => appended?.map(({ offset }) => Number(offset)) ?? []);
      expect(offsets.sort((left, right) => left - right)).toEqual(Array.from({ length: 60 }, (_, i) => i));
      await Promise.all(producers.map((producer) => producer.close()));
      await another.close();
    });

    it('the log keeps every byte of key, value and headers: null, empty, binary, repeated names', async () => {
      const topic = await suite.newTopic(1);
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
      await suite.append(records);
      const member = await (await suite.newMember([topic]).start()).untilHolds(1);
      const read = await member.read(partitionsOf(topic, 1), records.length);
      expect(read.map(bytesOf)).toEqual(records.map(bytesOf));
    });

    it('a record has the time of the wall clock, in milliseconds', async () => {
      const topic = await suite.newTopic(1);
      await suite.append([newRecord(topic, 'k', 'v')]);
      const member = await (await suite.newMember([topic]).start()).untilHolds(1);
      const [record] = await member.read(partitionsOf(topic, 1), 1);
      const day = 24 * 60 * 60 * 1000;
      expect(Math.abs((record?.timestampMs ?? 0) - Date.now())).toBeLessThan(day);
    });

    it('the same key always goes to the same partition, and many keys to all partitions', async () => {
      const topic = await suite.newTopic(4);
      const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
      const first = await suite.append(keys.map((key) => newRecord(topic, key, '1')));
      const second = await suite.append(keys.map((key) => newRecord(topic, key, '2')));
      expect(second.map(({ partition }) => partition)).toEqual(first.map(({ partition }) => partition));
      expect(new Set(first.map(({ partition }) => partition)).size).toBe(4);
    });

    it.skipIf(!suite.capabilities.partitionsLikeKafka)(
      'the partition of a key is the one that Kafka chooses',
      async () => {
        // The hashes are those of Kafka's own UtilsTest.testMurmur2, here without the sign bit.
        const hashes: [string, number][] = [
          ['21', -973932308],
          ['foobar', -790332482],
          ['a-little-bit-long-string', -985981536],
          ['a-little-bit-longer-string', -1486304829],
          ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
        ];
        const topic = await suite.newTopic(7);
        const offsets = await suite.append(hashes.map(([key]) => newRecord(topic, key, 'v')));
        expect(offsets.map(({ partition }) => partition)).toEqual(
          hashes.map(([, hash]) => (hash & 0x7fffffff) % 7),
        );
      },
    );

    it('the records of one key stay in the sequence in which they were appended', async () => {
      const topic = await suite.newTopic(3);
      const producer = suite.log.producer();
      for (let round = 0; round < 10; round += 1) {
        await producer.append(['a', 'b', 'c', 'd'].map((key) => newRecord(topic, key, `${round}`)));
      }
      await producer.close();
      const member = await (await suite.newMember([topic]).start()).untilHolds(3);
      const read = await member.read(partitionsOf(topic, 3), 40);
      for (const key of ['a', 'b', 'c', 'd']) {
        const values = read
          .filter((record) => Buffer.from(record.key ?? []).toString() === key)
          .map(valueText);
        expect(values).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
      }
    });

    it('one append writes to several topics', async () => {
      const topics = [await suite.newTopic(1), await suite.newTopic(1)];
      const offsets = await suite.append(
        topics.flatMap((topic) => [newRecord(topic, 'k', '1'), newRecord(topic, 'k', '2')]),
      );
      expect(offsets.map(({ topic, offset }) => [topic, offset])).toEqual(
        topics.flatMap((topic) => [
          [topic, 0n],
          [topic, 1n],
        ]),
      );
    });

    it('an append of no records resolves with no offsets', async () => {
      expect(await suite.append([])).toEqual([]);
    });

    it('an append to a topic that does not exist rejects with topic_missing', async () => {
      await expect(suite.append([newRecord(`contract-${randomUUID()}`, 'k', 'v')])).rejects.toMatchObject({
        code: 'topic_missing',
        retryable: false,
      });
    });
  });
}
