/** The product on its embedded log and store, in this process: as `order-sync` without settings, many times over. */
import { join } from 'node:path';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openParts, startOrderSync } from '../../../src/apps/order-sync/order-sync.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import type { RawRecord } from '../oracle.ts';
import { Tables } from './tables.ts';
import { waitFor } from './waiting.ts';

export interface EmbeddedPipeline {
  readonly tables: Tables;
  /** Appends the records, in this sequence, in one piece. */
  append(records: readonly RawRecord[]): Promise<void>;
  /** Resolves when everything that was appended is committed. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const SETTLE_TIMEOUT_MS = 60_000;

/** A pipeline in `folder`, which may be used again after `close`. Nothing is delivered: there is no target. */
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
      const what = `the pipeline in ${folder} to commit what was appended`;
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
