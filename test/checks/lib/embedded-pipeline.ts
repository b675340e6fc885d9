/** Runs order-sync on its embedded log and SQLite inside this process, so that a check can start it many times. */
import { join } from 'node:path';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openParts } from '../../../src/apps/order-sync/open-parts.ts';
import { startOrderSync } from '../../../src/apps/order-sync/order-sync.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import type { RawRecord } from '../oracle.ts';
import { Tables } from './tables.ts';
import { waitFor } from './waiting.ts';

export interface EmbeddedPipeline {
  readonly tables: Tables;
  /** Appends the records in this sequence, with one append. */
  append(records: readonly RawRecord[]): Promise<void>;
  /** Resolves when all appended records are committed. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const SETTLE_TIMEOUT_MS = 60_000;

/** Starts a pipeline without a target in `folder`. The folder may be used again after `close`. */
export async function startEmbeddedPipeline(
  folder: string,
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<EmbeddedPipeline> {
  const env = {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_PORT: '0',
    ORDER_SYNC_DELIVER: 'false',
    ...settings,
  };
  const { values } = loadSettings('order-sync', { env });
  const failures: unknown[] = [];
  const errors: string[] = [];
  const logger = (level: string, message: string) => {
    if (level === 'error') errors.push(message);
  };
  const sync = await startOrderSync(values, {
    clock: systemClock,
    logger,
    onFailure: (error) => failures.push(error),
  });
  const { log, close: closeParts } = await openParts(values, systemClock, logger);
  const producer = log.producer();
  const tables = new Tables(`sqlite:${join(folder, 'order-sync.sqlite')}`);
  const ends = new Map<string, bigint>();
  return {
    tables,
    async append(records) {
      for (const place of await producer.append(records)) {
        ends.set(`${place.topic}/${place.partition}`, place.offset + 1n);
      }
    },
    async settled() {
      const what = `the pipeline in ${folder} to commit the appended records`;
      await waitFor({ what, pauseMs: 2, timeoutMs: SETTLE_TIMEOUT_MS, signal }, async () => {
        if (failures[0] !== undefined) throw failures[0];
        if (errors[0] !== undefined) throw new Error(errors[0]);
        const checkpoints = await tables.checkpoints();
        return [...ends].every(([partition, end]) => checkpoints.get(partition) === end) ? true : undefined;
      });
    },
    async close() {
      await tables.close();
      await producer.close();
      await closeParts();
      await sync.close();
    },
  };
}
