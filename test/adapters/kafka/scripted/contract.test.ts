import { describe } from 'vitest';
import type { EventLog } from '../../../../src/ports/event-log.ts';
import { describeEventLog } from '../../../contract/event-log.ts';
import { openTestLog } from '../harness.ts';
import { ScriptedCluster } from './cluster.ts';
import { TickClock } from './tick-clock.ts';

describe.each([1, 3])('on %i scripted brokers without a script', (count) => {
  describeEventLog(
    'kafka',
    async () => {
      const clock = new TickClock(1).start();
      const nodeIds = Array.from({ length: count }, (_, index) => index + 1);
      const cluster = await new ScriptedCluster(clock, nodeIds).start();
      const opened: EventLog[] = [];
      const open = () => {
        const { log } = openTestLog(cluster.addresses, { clock });
        opened.push(log);
        return log;
      };
      return {
        log: open(),
        openAnother: async () => open(),
        deleteRecords: async (partition, beforeOffset) => cluster.log(partition).deleteBefore(beforeOffset),
        recreateTopic: async (topic, partitions) => {
          cluster.deleteTopic(topic);
          cluster.createTopic(topic, partitions);
        },
        cleanup: async () => {
          await Promise.all(opened.map((each) => each.close()));
          await cluster.stop();
          clock.stop();
        },
      };
    },
    { timeoutMs: 10_000, partitionsLikeKafka: true },
  );
});
