/** What nothing can be faster than: reading alone, SQL alone, and one fsync. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../../test/checks/faults/median.ts';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import type { PreloadedTopics } from '../../test/checks/lib/preloaded-topics.ts';
import { run } from '../../test/services/commands.ts';
import { createDatabase } from '../../test/services/index.ts';
import { type DatabaseName, jdbcUrl, makeRivalTables } from './contestants.ts';

export const CONNECTIONS = [1, 2, 4, 8] as const;
const SYNCS = 200;

/** Events a second of the Java rival when it only reads. */
export async function readAlone(java: readonly string[], preloaded: PreloadedTopics): Promise<number> {
  const { brokers, topics, partitions, events } = preloaded;
  const words = [brokers.join(','), topics.order, topics.payment, String(partitions), String(events)];
  return events / (Number(await outputOf([...java, 'read', ...words])) / 1_000);
}

/** Events a second of the Java rival when it writes events of its own making, on so many connections. */
export async function sqlAlone(
  java: readonly string[],
  database: DatabaseName,
  serverUrl: string,
  connections: number,
  events: number,
  batchEvents: number,
): Promise<number> {
  const made = await createDatabase(serverUrl);
  try {
    await makeRivalTables(made.url);
    const words = [jdbcUrl(database, made.url), connections, events, batchEvents].map(String);
    return events / (Number(await outputOf([...java, 'sql', ...words])) / 1_000);
  } finally {
    await made.drop();
  }
}

async function outputOf([program = '', ...words]: readonly string[]): Promise<string> {
  const { stdout } = await run(program, words);
  return stdout.trim();
}

/** The median milliseconds until 4 KiB more of a file are on the disk. */
export function syncMs(check: RunningCheck): number {
  const file = openSync(join(check.temporaryFolder(), 'synced'), 'w');
  const block = Buffer.alloc(4_096, 1);
  const times: number[] = [];
  for (let number = 0; number < SYNCS; number++) {
    const began = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    times.push(performance.now() - began);
  }
  closeSync(file);
  return median(times);
}
