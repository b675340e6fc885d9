import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { EventLog } from '../../../src/ports/event-log.ts';
import { openTestLog, TopicOperator } from '../../adapters/kafka/harness.ts';
import type { RealLogs } from './logs.ts';

/** Memory that looks like a disk, where the system has it, so that no history waits for a disk. */
export const FAST_FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const PROCESSES = 2;
/** No member is lost in a history, however slow the machine is. Members that close leave their group at once. */
const SESSION_TIMEOUT_MS = 30_000;
const WARM_UP_TRIES = 100;
const WARM_UP_MS = 200;

export type ClosedLater = RealLogs & { close(): Promise<void> };

/** The embedded log, opened twice on one folder. */
export function openEmbeddedLogs(): ClosedLater {
  const dataDir = mkdtempSync(join(FAST_FOLDER, 'tributary-twins-'));
  const logs = Array.from({ length: PROCESSES }, () =>
    openEmbeddedLog({ dataDir, clock: systemClock, memberCheckMs: 20 }),
  );
  return {
    logs,
    deleteRecords: async (partition, beforeOffset) => logs[0]?.deleteRecords(partition, beforeOffset),
    forget: async (topics) => {
      for (const topic of topics) await logs[0]?.deleteTopic(topic);
    },
    close: async () => {
      await closeAll(logs);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Kafka, as two processes have it. */
export async function openKafkaLogs(brokers: readonly string[]): Promise<ClosedLater> {
  const operator = new TopicOperator(brokers);
  const logs = Array.from(
    { length: PROCESSES },
    () => openTestLog(brokers, { sessionTimeoutMs: SESSION_TIMEOUT_MS }).log,
  );
  for (let tries = 1; !(await hasCoordinators(logs[0])) && tries < WARM_UP_TRIES; tries++)
    await setTimeout(WARM_UP_MS);
  return {
    logs,
    deleteRecords: (partition, beforeOffset) => operator.deleteRecords(partition, beforeOffset),
    forget: async (topics) => {
      const there = await logs[0]?.partitionCounts(topics);
      if (there !== undefined && there.size > 0) await operator.deleteTopics([...there.keys()]);
    },
    close: async () => {
      await closeAll(logs);
      await operator.close();
    },
  };
}

/** A broker that has just started makes its topic of groups when somebody first asks for a group. */
async function hasCoordinators(log: EventLog | undefined): Promise<boolean> {
  const handed = log?.handGroupTo('twins-warm-up', '11111111-1111-4111-8111-111111111111');
  return (await handed?.catch(() => null)) !== null;
}

async function closeAll(logs: readonly EventLog[]): Promise<void> {
  for (const log of logs) await log.close();
}
