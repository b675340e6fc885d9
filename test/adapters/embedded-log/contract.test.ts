import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedLog, openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { describeEventLog } from '../../contract/event-log.ts';

describeEventLog(
  'embedded',
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'tributary-log-'));
    const opened: EmbeddedLog[] = [];
    const open = () => {
      const log = openEmbeddedLog({ dataDir, clock: systemClock });
      opened.push(log);
      return log;
    };
    const log = open();
    return {
      log,
      openAnother: async () => open(),
      deleteRecords: (partition, beforeOffset) => log.deleteRecords(partition, beforeOffset),
      recreateTopic: async (topic, partitions) => {
        await log.deleteTopic(topic);
        await log.createTopics([{ topic, partitions }]);
      },
      cleanup: async () => {
        await Promise.all(opened.map((each) => each.close()));
        await rm(dataDir, { recursive: true });
      },
    };
  },
  { timeoutMs: 20_000, partitionsLikeKafka: true },
);
