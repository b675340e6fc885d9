/** The logs beside their twin. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { Process } from '../../simulation/scheduler.ts';
import { SimulatedLog } from '../../simulation/simulated-log.ts';
import type { Setting } from './history.ts';
import { LogCaller, type LogSide } from './log-caller.ts';
import { logKinds, readLog } from './log-calls.ts';

/** The real log, which all histories share. */
export interface RealLogs extends LogSide {
  /** Removes the topics of a history. */
  forget(topics: readonly string[]): Promise<void>;
}

const FETCHED_RECORDS = 3;

export function logSetting(real: RealLogs): Setting<LogCaller> {
  const run = randomBytes(4).toString('hex');
  let opened = 0;
  return {
    kinds: logKinds,
    themes: [logKinds],
    first: 'createTopics',
    readContents: readLog,
    open: async () => {
      const prefix = `twins-${run}-${++opened}-`;
      const simulated = new SimulatedLog(systemClock, {
        latencyMs: () => 0,
        fetchRecords: () => FETCHED_RECORDS,
      });
      const logs = ['one', 'two'].map((name) => simulated.connect(new Process(name, systemClock)));
      const deleteRecords: LogSide['deleteRecords'] = async (partition, beforeOffset) =>
        simulated.partition(partition).deleteBefore(beforeOffset);
      const twin = new LogCaller({ logs, deleteRecords }, prefix);
      const caller = new LogCaller(real, prefix);
      return {
        twin,
        real: caller,
        close: async () => {
          await caller.closeProducers();
          for (const log of logs) await log.close();
          await real.forget(['a', 'b', 'c'].map((name) => caller.topic(name)));
        },
      };
    },
  };
}
