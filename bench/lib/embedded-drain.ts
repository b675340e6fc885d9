/** Drains full topics on the embedded default: the embedded log and SQLite. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { openEventLog } from '../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../src/apps/shared/settings/load.ts';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import {
  areAllAcquired,
  areAllAtTheEnd,
  countWrong,
  type DrainRun,
  timeDrain,
} from '../../test/checks/lib/drain-run.ts';
import { drainWorkload } from '../../test/checks/lib/drain-workload.ts';
import { Program } from '../../test/checks/lib/programs.ts';
import { Tables } from '../../test/checks/lib/tables.ts';
import { Oracle, type RawRecord, type Topics } from '../../test/checks/oracle.ts';

const TOPICS: Topics = { order: 'order_events', payment: 'payment_events' };
const RECORDS_PER_APPEND = 4_000;

/** A data directory whose log is full and whose store does not exist yet. */
export interface FullLog {
  readonly folder: string;
  readonly events: number;
  readonly ends: ReadonlyMap<string, bigint>;
  readonly oracle: Oracle;
}

export async function fillEmbeddedLog(
  check: RunningCheck,
  events: number,
  records: (events: number, topics: Topics) => Iterable<RawRecord> = drainWorkload,
): Promise<FullLog> {
  const folder = join(check.temporaryFolder(), 'full');
  const { values } = loadSettings('order-sync', { env: { TRIBUTARY_DATA_DIR: folder } });
  const log = await openEventLog(values, systemClock, () => {}, { clientId: 'bench' });
  await log.createTopics(Object.values(TOPICS).map((topic) => ({ topic, partitions: values.partitions })));
  const producer = log.producer();
  const oracle = new Oracle(TOPICS);
  const ends = new Map<string, bigint>();
  let batch: RawRecord[] = [];
  const append = async () => {
    for (const { topic, partition, offset } of await producer.append(batch))
      ends.set(`${topic}/${partition}`, offset + 1n);
    batch = [];
  };
  for (const record of records(events, TOPICS)) {
    oracle.add(record);
    batch.push(record);
    if (batch.length === RECORDS_PER_APPEND) await append();
  }
  await append();
  await producer.close();
  await log.close();
  check.progress(`${events} records of ${oracle.orderCount} orders are in the embedded log`);
  return { folder, events, ends, oracle };
}

/** Drains a copy of the log by one order-sync, which sends nothing, and compares its tables with the oracle. */
export async function drainEmbedded(
  check: RunningCheck,
  label: string,
  full: FullLog,
  checkout?: string,
): Promise<DrainRun & { readonly wrong: number }> {
  const folder = check.temporaryFolder();
  cpSync(full.folder, folder, { recursive: true });
  const settings = { TRIBUTARY_DATA_DIR: folder, ORDER_SYNC_DELIVER: 'false' };
  const program = await Program.create(check, 'order-sync', label, folder, settings, checkout);
  const tables = new Tables(`sqlite:${join(folder, 'order-sync.sqlite')}`);
  program.start();
  const run = await timeDrain(
    check,
    {
      name: label,
      events: full.events,
      pid: program.pid,
      assertRunning: () => program.assertRunning(),
      hasBegun: () => areAllAcquired(tables, full.ends),
      hasEnded: () => areAllAtTheEnd(tables, full.ends),
    },
    10,
  );
  await program.stop();
  const wrong = await countWrong(check, tables, full.oracle);
  await tables.close();
  return { ...run, wrong };
}
