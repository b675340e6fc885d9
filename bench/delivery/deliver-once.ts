import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { cpuSecondsOf, descendantPid } from '../../test/checks/lib/process-usage.ts';
import { Program } from '../../test/checks/lib/programs.ts';

export const WAYS = ['single', 'batch'] as const;
export type Way = (typeof WAYS)[number];

/** The pause between two queries of the target's table. Each query slows the measured programs a little. */
const POLL_MS = 50;
/** The first second is not measured: the JavaScript engine still compiles. The bare client leaves it out too. */
const WARM_UP_MS = 1_000;
const TIMEOUT_MS = 300_000;

/** The figures of one run. */
export type Delivered = {
  readonly states_per_second: number;
  readonly cpu_seconds_per_million_order_sync: number;
  readonly cpu_seconds_per_million_order_mgt: number;
  readonly cpu_seconds_per_million_database: number | null;
};

/**
 * Delivers all due states to an empty order-mgt. The measurement begins one second after the first state has arrived
 * and ends with the last state.
 */
export async function deliverOnce(
  check: RunningCheck,
  run: {
    way: Way;
    states: number;
    folder: string;
    settings: Readonly<Record<string, string>>;
    number: number;
    /** The sources of order-sync and of order-mgt. */
    checkout: string;
  },
): Promise<Delivered> {
  const { way, states, folder, settings, checkout } = run;
  const label = `${way}-${run.number}`;
  const targetFolder = join(folder, label);
  mkdirSync(targetFolder);
  const targetSettings = {
    TRIBUTARY_DATA_DIR: targetFolder,
    ...(way === 'single' ? { ORDER_MGT_BATCH_MAX: '0' } : {}),
  };
  const name = `order-mgt-${label}`;
  const target = await Program.create(check, 'order-mgt', name, folder, targetSettings, checkout);
  target.start();
  await target.ready();
  const syncSettings = { ...settings, ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders` };
  const syncName = `order-sync-${label}`;
  const orderSync = await Program.create(check, 'order-sync', syncName, folder, syncSettings, checkout);
  const stored = new DatabaseSync(join(targetFolder, 'order-mgt.sqlite'), { readOnly: true });
  const last = stored.prepare('SELECT COALESCE(MAX(sequence), 0) AS n FROM deliveries_received');
  orderSync.start();
  const pids = {
    order_sync: orderSync.pid,
    order_mgt: target.pid,
    database: descendantPid(/mariadbd/),
  };
  const seen = () => ({
    states: Number(last.get()?.n),
    ms: performance.now(),
    order_sync: cpuSecondsOf(pids.order_sync),
    order_mgt: cpuSecondsOf(pids.order_mgt),
    database: pids.database === undefined ? null : cpuSecondsOf(pids.database),
  });
  let first = seen();
  let end = first;
  let begunMs: number | null = null;
  const deadline = first.ms + TIMEOUT_MS;
  while (end.states < states) {
    await sleep(POLL_MS, undefined, { signal: check.signal });
    orderSync.assertRunning();
    end = seen();
    if (begunMs === null && end.states > 0) begunMs = end.ms;
    if (begunMs === null || end.ms < begunMs + WARM_UP_MS) first = end;
    if (end.ms > deadline) throw new Error(`Only ${end.states} of ${states} states arrived in time`);
  }
  stored.close();
  // Stopping order-sync settles its last deliveries. The ledger is checked for unsettled ones afterwards.
  await orderSync.stop();
  await target.stop();
  const measured = end.states - first.states;
  const perMillion = (from: number, to: number) => round(((to - from) / measured) * 1e6);
  return {
    states_per_second: Math.round(measured / ((end.ms - first.ms) / 1_000)),
    cpu_seconds_per_million_order_sync: perMillion(first.order_sync, end.order_sync),
    cpu_seconds_per_million_order_mgt: perMillion(first.order_mgt, end.order_mgt),
    cpu_seconds_per_million_database:
      first.database === null || end.database === null ? null : perMillion(first.database, end.database),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
