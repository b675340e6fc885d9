import { systemClock } from '../../src/adapters/system-clock.ts';
import { describeEventLog } from '../contract/event-log.ts';
import { Process } from './scheduler.ts';
import { SimulatedLog } from './simulated-log.ts';

describeEventLog(
  'simulated',
  async () => {
    const simulated = new SimulatedLog(systemClock, { latencyMs: () => 0, fetchRecords: () => 4 });
    const connect = () => simulated.connect(new Process('a process', systemClock));
    const log = connect();
    return {
      log,
      openAnother: async () => connect(),
      deleteRecords: async (partition, beforeOffset) =>
        simulated.partition(partition).deleteBefore(beforeOffset),
      recreateTopic: async (topic, partitions) => simulated.recreateTopic(topic, partitions),
      cleanup: () => log.close(),
    };
  },
  { timeoutMs: 10_000, partitionsLikeKafka: false },
);
