import { describe } from 'vitest';
import type { EventLog } from '../../../src/ports/event-log.ts';
import { describeEventLog } from '../../contract/event-log.ts';
import { eventually } from '../../contract/event-log-harness.ts';
import { services } from '../../services/context.ts';
import { openTestLog, TopicOperator } from './harness.ts';

describe.skipIf(services().lacks('kafka'))('on a real broker', () => {
  describeEventLog(
    'kafka',
    async () => {
      const { brokers } = services().kafka;
      const operator = new TopicOperator(brokers);
      const opened: EventLog[] = [];
      const open = () => {
        const { log } = openTestLog(brokers);
        opened.push(log);
        return log;
      };
      const log = open();
      return {
        log,
        openAnother: async () => open(),
        deleteRecords: (partition, beforeOffset) => operator.deleteRecords(partition, beforeOffset),
        recreateTopic: async (topic, partitions) => {
          await operator.deleteTopic(topic);
          const isGone = async () => (await log.describe([topic])).length === 0;
          await eventually(isGone, 10_000, () => `${topic} gone`);
          await log.createTopics([{ topic, partitions }]);
        },
        cleanup: async () => {
          await Promise.all(opened.map((each) => each.close()));
          await operator.close();
        },
      };
    },
    { timeoutMs: 30_000, partitionsLikeKafka: true },
  );
});
