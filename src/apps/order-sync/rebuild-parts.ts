import { createDecoder } from '../../pipeline/decode/decoder.ts';
import type { RebuildParts } from '../../pipeline/rebuild/rebuild.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { domainOf, topicNamesOf } from '../shared/settings/synced.ts';
import type { OrderSyncSettings } from './open-parts.ts';
import { dueRulesOf } from './targets/targets.ts';

/** What a rebuild of the view works with. */
export function rebuildPartsOf(
  settings: OrderSyncSettings,
  {
    store,
    clock,
    logger,
  }: {
    readonly store: Store;
    readonly clock: Clock;
    readonly logger: Logger;
  },
): RebuildParts<unknown, unknown> {
  const domain = domainOf(settings);
  const decoder = createDecoder(domain, { topicNames: topicNamesOf(settings) });
  return { domain, decoder, due: dueRulesOf(settings), store, clock, logger };
}
