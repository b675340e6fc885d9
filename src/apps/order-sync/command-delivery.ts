import { entityWords } from '../../core/entity-words.ts';
import { Defects } from '../../pipeline/defects.ts';
import { followHold, HoldWatch } from '../../pipeline/holds.ts';
import { supervised } from '../../pipeline/supervised.ts';
import { deliverOn, type TargetRoute } from '../../pipeline/target-route.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { deliveryTimingOf, type OrderSyncSettings } from './open-parts.ts';

export interface CommandDeliveryParts {
  readonly route: TargetRoute;
  readonly store: Store;
  readonly settings: OrderSyncSettings;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The sending of what a command has made due. */
export interface CommandDelivery {
  /** Begins to send at the first call. Does nothing where the settings leave the sending to another order-sync. */
  madeDue(): void;
  /** Lets calls that are under way end, and records them. */
  stop(): Promise<void>;
}

/**
 * Makes the delivery with which a command sends what it makes due. It rests while the target is paused, and looks for a
 * pause every second, as a running order-sync does. States stay due during a pause. Rejects if the store does not answer.
 */
export async function deliverForCommand({
  route,
  store,
  settings,
  clock,
  logger,
}: CommandDeliveryParts): Promise<CommandDelivery> {
  const { name } = route.target;
  const deliver = deliverOn(
    route,
    {
      view: settings.synced.domain.view,
      words: entityWords(settings.synced.domain),
      store,
      clock,
      logger,
    },
    deliveryTimingOf(settings),
  );
  // The watch logs the pauses that it knows. Those of other parts say nothing about this command.
  const ofTarget = {
    listHolds: async () =>
      (await store.listHolds()).filter(({ part }) => part.kind === 'target' && part.target === name),
  };
  const holds = new HoldWatch(ofTarget, clock, logger);
  await holds.look();
  followHold(deliver, name, holds);
  const over = new AbortController();
  const supervision = { defects: new Defects(clock, logger), clock, signal: over.signal };
  const watching = supervised('the watch of what is paused', () => holds.run(over.signal), supervision);
  return {
    madeDue() {
      if (!settings.deliver) return;
      deliver.start();
      deliver.wake();
    },
    async stop() {
      // States that are claimed may still be sent while the delivery stops, so the watch ends last.
      await deliver.stop();
      over.abort();
      await watching;
    },
  };
}
