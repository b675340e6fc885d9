/** A ledger whose states are all due, for one contender. */
import { join } from 'node:path';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { readyOrder, startEmbeddedLog } from '../../test/checks/lib/embedded-log.ts';
import { Program } from '../../test/checks/lib/programs.ts';
import { Tables } from '../../test/checks/lib/tables.ts';
import { waitFor } from '../../test/checks/lib/waiting.ts';
import { createDatabase } from '../../test/services/index.ts';
import { PreloadedLedger } from './preloaded-ledger.ts';

const TIMEOUT_MS = 600_000;

/** Who delivers, and about which orders. */
export interface Contender {
  readonly program: string;
  readonly idOf: (number: number) => string;
  /** The sources of order-sync and of order-mgt. */
  readonly checkout: string;
}

export interface PreparedLedger {
  readonly contender: Contender;
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly kept: PreloadedLedger;
  /** Deletes the database. May be called twice. */
  discard(): Promise<void>;
}

/** Journals the states of `count` orders without sending any. `serverUrl` is null for a ledger in SQLite. */
export async function prepareLedger(
  check: RunningCheck,
  serverUrl: string | null,
  contender: Contender,
  count: number,
): Promise<PreparedLedger> {
  const folder = check.temporaryFolder();
  const database = serverUrl === null ? null : await createDatabase(serverUrl);
  const discard = check.defer(async () => database?.drop());
  const url = database?.url ?? `sqlite:${join(folder, 'order-sync.sqlite')}`;
  const settings = { TRIBUTARY_DATA_DIR: folder, DATABASE_URL: url };
  await preload(check, folder, settings, count, contender);
  const kept = new PreloadedLedger(url);
  await kept.keep();
  return { contender, folder, settings, kept, discard };
}

async function preload(
  check: RunningCheck,
  folder: string,
  settings: Readonly<Record<string, string>>,
  count: number,
  { idOf, checkout }: Contender,
): Promise<void> {
  const quiet = { ...settings, ORDER_SYNC_DELIVER: 'false' };
  const orderSync = await Program.create(check, 'order-sync', 'order-sync-preload', folder, quiet, checkout);
  orderSync.start();
  await orderSync.ready();
  const log = await startEmbeddedLog(folder);
  const CHUNK = 10_000;
  for (let from = 0; from < count; from += CHUNK) {
    const ids = Array.from({ length: Math.min(CHUNK, count - from) }, (_, index) => idOf(from + index));
    await log.append(ids.flatMap(readyOrder));
  }
  await log.close();
  const tables = new Tables(settings.DATABASE_URL ?? '');
  await waitFor(
    { what: `${count} states to be due`, pauseMs: 200, timeoutMs: TIMEOUT_MS, signal: check.signal },
    async () => ((await tables.pendingDeliveries()) === count ? true : undefined),
  );
  await tables.close();
  await orderSync.stop();
  check.progress(`${count} states are due`);
}
