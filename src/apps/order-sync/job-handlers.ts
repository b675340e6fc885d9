import { orders } from '../../orders/index.ts';
import { createDecoder, type Decoder } from '../../pipeline/decode/decoder.ts';
import type { JobHandler } from '../../pipeline/jobs/job-worker.ts';
import { quarantineRedriveHandler } from '../../pipeline/jobs/quarantine-redrive.ts';
import { redriveHandler } from '../../pipeline/jobs/redrive.ts';
import { rebuildHandler } from '../../pipeline/rebuild/rebuild-job.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { type OrderSyncSettings, topicNamesOf } from './order-sync.ts';
import { rebuildPartsOf } from './rebuild-parts.ts';
import { dueRulesOf } from './targets/targets.ts';

/** The share of its time in which an instance works on a rebuild, beside ingest and deliveries. */
const REBUILD_SHARE = 0.5;

/** The decoder by which this program judges records. */
export function decoderOf(settings: OrderSyncSettings) {
  const { acceptsMissingKeys, maxRecordBytes } = settings;
  return createDecoder(orders, { topicNames: topicNamesOf(settings), acceptsMissingKeys, maxRecordBytes });
}

/** A decoder whose events nobody folds. */
export type AnyDecoder = Decoder<unknown>;

/** What works off the jobs of each kind. */
export function jobHandlersOf(
  settings: OrderSyncSettings,
  {
    store,
    clock,
    logger,
    onRedriven,
  }: { store: Store; clock: Clock; logger: Logger; onRedriven: (deliveries: number) => void },
): JobHandler[] {
  return [
    redriveHandler({ store, clock, perSecond: settings.redriveRate, onRedriven }),
    quarantineRedriveHandler({
      domain: orders,
      decoder: decoderOf(settings),
      due: dueRulesOf(settings),
      store,
      clock,
      logger,
    }),
    rebuildHandler({
      ...rebuildPartsOf(settings, { domain: orders, store, clock, logger }),
      busyShare: REBUILD_SHARE,
    }),
  ];
}
