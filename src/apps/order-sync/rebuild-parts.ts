import type { Domain } from '../../core/domain.ts';
import { createDecoder } from '../../pipeline/decode/decoder.ts';
import type { RebuildParts } from '../../pipeline/rebuild/rebuild.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { type OrderSyncSettings, topicNamesOf } from './order-sync.ts';
import { dueRulesOf } from './targets/targets.ts';

/** What a rebuild of the view works with. */
export function rebuildPartsOf<State, Event>(
  settings: OrderSyncSettings,
  {
    domain,
    store,
    clock,
    logger,
  }: {
    readonly domain: Domain<State, Event>;
    readonly store: Store;
    readonly clock: Clock;
    readonly logger: Logger;
  },
): RebuildParts<State, Event> {
  const decoder = createDecoder(domain, { topicNames: topicNamesOf(settings) });
  return { domain, decoder, due: dueRulesOf(settings), store, clock, logger };
}
