import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { UNKNOWN_LEADER_EPOCH } from '../../../../src/ports/event-log.ts';
import { eventually, newRecord, TestMember, valueText } from '../../../contract/event-log-harness.ts';
import { services } from '../../../services/context.ts';
import { openTestLog, quickOptions, TopicOperator } from '../harness.ts';

const timeoutMs = 30_000;

describe.skipIf(services().lacks('kafka'))(
  'a topic that was deleted, gone for a while, and made again',
  () => {
    it('a topic made anew stays assigned, halts, and is read as the new topic after another follow', async () => {
      const { brokers } = services().kafka;
      const { log } = openTestLog(brokers);
      const operator = new TopicOperator(brokers);
      const topic = `recreated-${randomUUID()}`;
      const partition = 0;
      await log.createTopics([{ topic, partitions: 1 }]);
      const old = log.producer();
      await old.append([newRecord(topic, 'k', 'old 1'), newRecord(topic, 'k', 'old 2')]);
      const consumer = log.consumer({ group: topic, topics: [topic], maxBufferedBytes: 1 << 20 });
      const member = new TestMember(consumer, timeoutMs);
      try {
        await (await member.start()).untilHolds(1);
        await member.read([{ topic, partition }], 2);
        await operator.deleteTopic(topic);
        const isNoticed = () => !consumer.health().ok;
        await eventually(isNoticed, timeoutMs, () => 'the member says that its topic is gone');
        // Meanwhile the group's leader looks at the topics again.
        await new Promise((resolve) => setTimeout(resolve, 3 * quickOptions.metadataRefreshMs));
        expect(member.holds()).toEqual([`${topic}/0`]);

        await log.createTopics([{ topic, partitions: 1 }]);
        const fresh = log.producer();
        await fresh.append(['new 1', 'new 2', 'new 3'].map((value) => newRecord(topic, 'k', value)));
        await member.untilFaults(1);
        expect(member.faults).toMatchObject([{ kind: 'topic_recreated', topic, partition, offset: 2n }]);
        consumer.follow([{ topic, partition, offset: 0n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
        const read = await member.read([{ topic, partition }], 3);
        expect(read.map(valueText)).toEqual(['new 1', 'new 2', 'new 3']);
        expect(member.faults).toHaveLength(1);
      } finally {
        await log.close();
        await operator.close();
      }
    });
  },
);
