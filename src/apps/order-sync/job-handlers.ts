import { LONG_LIMITS, LongHistories } from '../../pipeline/ingest/long-histories.ts';
import type { JobHandler } from '../../pipeline/jobs/job-worker.ts';
import { quarantineRedriveHandler } from '../../pipeline/jobs/quarantine-redrive.ts';
import { redriveHandler } from '../../pipeline/jobs/redrive.ts';
import { verifyHandler } from '../../pipeline/jobs/verify.ts';
import { rebuildHandler } from '../../pipeline/rebuild/rebuild-job.ts';
import { untilCaughtUp } from '../../pipeline/reconcile/caught-up.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { domainOf, topicsOf } from '../shared/settings/synced.ts';
import { decoderOf } from './decoder-of.ts';
import { differenceJson, targetDifferenceJson } from './difference-json.ts';
import type { OrderSyncSettings } from './open-parts.ts';
import { rebuildPartsOf } from './rebuild-parts.ts';
import { openHoldingsOf } from './targets/routes.ts';
import { dueRulesOf } from './targets/targets.ts';

/** The share of its time in which an instance works on a rebuild, beside ingest and deliveries. */
const REBUILD_SHARE = 0.5;

/** Other jobs of the kind wait for a step, so it is short. A later job finds what the journal did not have by then. */
const CAUGHT_UP_PATIENCE_MS = 2_000;

/** What works off the jobs of each kind. */
export function jobHandlersOf(
  settings: OrderSyncSettings,
  {
    store,
    log,
    clock,
    logger,
    onRedriven,
  }: {
    store: Store;
    log: EventLog;
    clock: Clock;
    logger: Logger;
    onRedriven: (deliveries: number) => void;
  },
): JobHandler[] {
  const decoder = decoderOf(settings, clock);
  const due = dueRulesOf(settings);
  const topics = topicsOf(settings);
  const domain = domainOf(settings);
  return [
    redriveHandler({ store, clock, perSecond: settings.redriveRate, onRedriven }),
    quarantineRedriveHandler({
      domain,
      decoder,
      due,
      store,
      clock,
      logger,
    }),
    rebuildHandler({
      ...rebuildPartsOf(settings, { store, clock, logger }),
      busyShare: REBUILD_SHARE,
    }),
    verifyHandler({
      domain,
      decoder,
      due,
      store,
      clock,
      targetsFromBeginning: new Set([settings.synced.target]),
      maxEvents: LONG_LIMITS.longEvents,
      long: new LongHistories({
        domain,
        decoder,
        journals: store.longJournals,
        logger,
        limits: LONG_LIMITS,
      }),
      holdingsOf: (target) => openHoldingsOf(settings, target, { clock, logger }),
      untilCaughtUp: (signal) =>
        untilCaughtUp({ log, store, topics, clock, patienceMs: CAUGHT_UP_PATIENCE_MS }, signal),
      redrivePerSecond: settings.redriveRate,
      differenceJson: (difference) => differenceJson(domain, difference),
      targetDifferenceJson: (target, difference) => targetDifferenceJson(domain, target, difference),
    }),
  ];
}
