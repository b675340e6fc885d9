/** One drain of filled topics by several order-syncs, with the CPU time of everybody who took part. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { countWrong } from '../../test/checks/lib/drain-run.ts';
import type { PreloadedTopics } from '../../test/checks/lib/preloaded-topics.ts';
import { cpuSecondsOf, descendantPids, peakMemoryMibOf } from '../../test/checks/lib/process-usage.ts';
import { Program, runToEnd } from '../../test/checks/lib/programs.ts';
import { Tables } from '../../test/checks/lib/tables.ts';
import { waitFor } from '../../test/checks/lib/waiting.ts';

const POLL_MS = 50;
const TIMEOUT_MS = 20 * 60_000;
/** The share of the events that is journaled before the measurement, while the compilers of all processes are at work. */
const WARMING_SHARE = 0.25;
/** The members of a group have shared out the partitions some seconds after the last of them has joined. */
const SETTLING_MS = 5_000;

export interface DrainPlace {
  readonly url: string;
  readonly instances: number;
  /** The database servers behind the URL. */
  readonly databases: readonly string[];
  /** Called once the tables are there. */
  readonly prepare?: () => Promise<void>;
  /** The processes beside order-sync whose CPU time counts, by the name in the figures. */
  readonly servers: Readonly<Record<string, RegExp>>;
}

/**
 * `events_per_second`, `wrong`, the CPU seconds of each, the bytes that the databases wrote to their redo logs for an event,
 * and the peak memory of the largest instance.
 */
export type DrainFigures = Readonly<Record<string, number>>;

/**
 * Starts the instances while all ingest is paused, and measures from a quarter of the events to the last one. Deliveries are
 * made due and not sent.
 */
export async function drained(
  check: RunningCheck,
  { brokers, topics, ends, events, oracle }: PreloadedTopics,
  { url, instances, databases, servers, prepare }: DrainPlace,
): Promise<DrainFigures> {
  const folder = check.temporaryFolder();
  const settings = {
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: url,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_GROUP: `bench-${randomBytes(4).toString('hex')}`,
    ORDER_SYNC_DELIVER: 'false',
  };
  await runToEnd('order-sync', ['migrate'], settings);
  await prepare?.();
  await runToEnd('order-sync', ['pause', '--reason', 'the bench begins later'], settings);
  const programs: Program[] = [];
  for (let number = 1; number <= instances; number++)
    programs.push(await Program.create(check, 'order-sync', `order-sync-${number}`, folder, settings));
  const tables = new Tables(url, 'orders', databases);
  const closeTables = check.defer(() => tables.close());
  for (const program of programs) program.start();
  await Promise.all(programs.map((program) => program.ready()));
  await sleep(SETTLING_MS, undefined, { signal: check.signal });

  const pidsOf = new Map<string, readonly number[]>([
    ['order_sync', programs.map(({ pid }) => pid)],
    ...Object.entries(servers).map(([name, pattern]): [string, number[]] => [name, descendantPids(pattern)]),
  ]);
  const cpuOf = () =>
    new Map([...pidsOf].map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)]));
  const journaled = async () =>
    [...(await tables.checkpoints()).values()].reduce((sum, next) => sum + next, 0n);
  const waiting = { pauseMs: POLL_MS, timeoutMs: TIMEOUT_MS, signal: check.signal };
  const total = [...ends.values()].reduce((sum, end) => sum + end, 0n);
  await runToEnd('order-sync', ['unpause', '--all', '--reason', 'the bench begins'], settings);
  const began = await waitFor({ ...waiting, what: 'the first events to be journaled' }, async () => {
    for (const program of programs) program.assertRunning();
    const count = Number(await journaled());
    return count >= events * WARMING_SHARE ? { at: performance.now(), count } : undefined;
  });
  const before = cpuOf();
  const logBefore = await logBytes(databases);
  await waitFor({ ...waiting, what: 'the topics to be drained' }, async () => {
    for (const program of programs) program.assertRunning();
    return (await journaled()) === total ? true : undefined;
  });
  const seconds = (performance.now() - began.at) / 1_000;
  const after = cpuOf();
  const logAfter = await logBytes(databases);
  const peak = Math.max(...programs.map(({ pid }) => peakMemoryMibOf(pid)));
  await Promise.all(programs.map((program) => program.stop()));
  const wrong = await countWrong(check, tables, oracle);
  await closeTables();
  const drainedEvents = events - began.count;
  const cpu = [...after].map(([name, value]): [string, number] => [
    `cpu_seconds_per_million_${name}`,
    ((value - (before.get(name) ?? 0)) / drainedEvents) * 1e6,
  ]);
  return {
    events_per_second: Math.round(drainedEvents / seconds),
    ...Object.fromEntries(cpu),
    log_bytes_per_event: (logAfter - logBefore) / drainedEvents,
    peak_memory_mib_order_sync: peak,
    wrong,
  };
}

/** The bytes that the servers have written to their redo logs. */
async function logBytes(urls: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const uri of urls) {
    const connection = await createConnection({ uri });
    const [rows] = await connection.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'");
    bytes += Number(rows[0]?.Value ?? 0);
    await connection.end();
  }
  return bytes;
}
