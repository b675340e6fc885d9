import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import type { OpenedStore } from '../../ports/store.ts';
import { openEventLog } from '../shared/parts/open-log.ts';
import { openStore } from '../shared/parts/open-store.ts';
import type { SettingsOf } from '../shared/settings/known/index.ts';
import { moreTargets } from './targets/targets.ts';
import type { TargetSpec } from './targets/targets-file.ts';

export type OrderSyncSettings = SettingsOf<'order-sync'>;

/** The longest wait of a claimed state until it is sent. */
const HOLD_MS = 10_000;
/** A lease lasts longer than that wait and two deadlines by this time. */
const LEASE_MARGIN_MS = 5_000;

export function deliveryTimingOf({ deliveryDeadlineMs }: OrderSyncSettings) {
  // A delivery batch whose states have to be sent again one by one takes up to two deadlines.
  return { holdMs: HOLD_MS, leaseMs: HOLD_MS + 2 * deliveryDeadlineMs + LEASE_MARGIN_MS };
}

/** Opens the store that the settings choose, for a command that needs no log. */
export function openCommandStore(
  settings: OrderSyncSettings,
  clock: Clock,
  logger: Logger,
): Promise<OpenedStore> {
  return openStoreFor(settings, moreTargets(settings), clock, logger);
}

function openStoreFor(
  settings: OrderSyncSettings,
  specs: readonly TargetSpec[],
  clock: Clock,
  logger: Logger,
): Promise<OpenedStore> {
  const targets = [settings.synced.target, ...specs.map(({ name }) => name)];
  const { lanes, maxRecordBytes } = settings;
  return openStore(settings, { clock, logger, targets, lanes, maxRecordBytes });
}

/** Opens the store and the log that the settings choose. */
export async function openParts(
  settings: OrderSyncSettings,
  clock: Clock,
  logger: Logger,
): Promise<{ store: OpenedStore; log: EventLog; specs: readonly TargetSpec[]; close(): Promise<void> }> {
  const specs = moreTargets(settings);
  const store = await openStoreFor(settings, specs, clock, logger);
  try {
    const log = await openEventLog(settings, clock, logger, {
      clientId: settings.synced.program,
      sessionTimeoutMs: settings.sessionTimeoutMs,
    });
    return {
      store,
      log,
      specs,
      async close() {
        await log.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
