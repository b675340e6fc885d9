/** Measures one program that drains topics which were filled before. */
import { randomBytes } from 'node:crypto';
import type { RunningCheck } from './command.ts';
import { compareWithOracle } from './comparison.ts';
import type { FullTopics, PreloadedTopics } from './preloaded-topics.ts';
import { cpuSecondsOf, descendantPid, peakMemoryMibOf } from './process-usage.ts';
import { Program } from './programs.ts';
import type { Tables } from './tables.ts';
import { waitFor } from './waiting.ts';

/** The figures of one drain. CPU seconds are null for a server that is no process of this run. */
export type DrainRun = {
  readonly events_per_second: number;
  readonly seconds: number;
  /** CPU seconds of the program itself. */
  readonly cpu_seconds_per_million: number;
  readonly cpu_seconds_per_million_kafka: number | null;
  readonly cpu_seconds_per_million_database: number | null;
  readonly peak_memory_mib: number;
};

export interface Drain {
  /** The program in messages. */
  readonly name: string;
  readonly events: number;
  readonly pid: number;
  /** Throws if the program has ended by itself. */
  assertRunning(): void;
  /** Whether it is about to read its first record. The measurement begins then. */
  hasBegun(): Promise<boolean>;
  hasEnded(): Promise<boolean>;
}

const POLL_MS = 100;
const TIMEOUT_MS = 30 * 60_000;

/** Waits until the drain begins and until it ends, and returns what it took in between. */
export async function timeDrain(check: RunningCheck, drain: Drain, beginPollMs = POLL_MS): Promise<DrainRun> {
  const waiting = { timeoutMs: TIMEOUT_MS, signal: check.signal };
  const until = (what: string, pauseMs: number, holds: () => Promise<boolean>) =>
    waitFor({ ...waiting, pauseMs, what: `${drain.name} to ${what}` }, async () => {
      drain.assertRunning();
      return (await holds()) ? true : undefined;
    });
  await until('begin', beginPollMs, () => drain.hasBegun());
  const pids = {
    program: drain.pid,
    kafka: descendantPid(/ kafka\.Kafka /),
    database: descendantPid(/mariadbd|mysqld/),
  };
  const before = cpuOf(pids);
  const began = performance.now();
  await until('drain the topics', POLL_MS, () => drain.hasEnded());
  const seconds = (performance.now() - began) / 1_000;
  const after = cpuOf(pids);
  const perMillion = (key: keyof typeof pids): number | null =>
    before[key] === null || after[key] === null
      ? null
      : round(((after[key] - before[key]) / drain.events) * 1e6);
  return {
    events_per_second: Math.round(drain.events / seconds),
    seconds: round(seconds),
    cpu_seconds_per_million: perMillion('program') as number,
    cpu_seconds_per_million_kafka: perMillion('kafka'),
    cpu_seconds_per_million_database: perMillion('database'),
    peak_memory_mib: peakMemoryMibOf(drain.pid),
  };
}

/** Whether all checkpoints exist: a program acquires a partition before it reads it. */
export async function areAllAcquired(tables: Tables, ends: FullTopics['ends']): Promise<boolean> {
  const checkpoints = await tables.checkpoints();
  return [...ends.keys()].every((partition) => checkpoints.has(partition));
}

export async function areAllAtTheEnd(tables: Tables, ends: FullTopics['ends']): Promise<boolean> {
  const checkpoints = await tables.checkpoints();
  return [...ends].every(([partition, end]) => checkpoints.get(partition) === end);
}

/** An order-sync that drains topics into an empty database, and sends nothing. `checkout` has the sources that it runs. */
export async function drainingOrderSync(
  check: RunningCheck,
  label: string,
  preloaded: FullTopics,
  databaseUrl: string,
  settings: Readonly<Record<string, string>> = {},
  checkout?: string,
): Promise<Program> {
  const folder = check.temporaryFolder();
  const all = {
    KAFKA_BROKERS: preloaded.brokers.join(','),
    DATABASE_URL: databaseUrl,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: preloaded.topics.order,
    PAYMENT_TOPIC: preloaded.topics.payment,
    ORDER_SYNC_GROUP: `check-${randomBytes(4).toString('hex')}`,
    ORDER_SYNC_DELIVER: 'false',
    ...settings,
  };
  return Program.create(check, 'order-sync', label, folder, all, checkout);
}

/** Compares journal, view and quarantine with the oracle. Exactly the ready orders must have a due delivery. */
export async function countWrong(
  check: RunningCheck,
  tables: Tables,
  oracle: PreloadedTopics['oracle'],
): Promise<number> {
  const comparison = await compareWithOracle(tables, oracle, new Set());
  for (const example of comparison.examples) check.progress(example);
  let ready = 0;
  for (const order of oracle.expectedOrders()) if (order.readyToSend) ready++;
  const due = await tables.pendingDeliveries();
  if (due !== ready) check.progress(`${due} deliveries are due, but ${ready} orders are ready`);
  const { lost, duplicated, divergent, bodies_different, quarantine_different } = comparison;
  return lost + duplicated + divergent + bodies_different + quarantine_different + Math.abs(due - ready);
}

/** Returns the CPU seconds so far; null for a server that is no process of this run. */
function cpuOf<Key extends string>(pids: Record<Key, number | undefined>): Record<Key, number | null> {
  const entries = Object.entries(pids) as [Key, number | undefined][];
  return Object.fromEntries(
    entries.map(([key, pid]) => [key, pid === undefined ? null : cpuSecondsOf(pid)]),
  ) as Record<Key, number | null>;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
