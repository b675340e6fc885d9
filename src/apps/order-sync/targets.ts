import { openHttpTarget } from '../../adapters/http-delivery/index.ts';
import { openKafkaTarget } from '../../adapters/kafka-delivery/index.ts';
import { TributaryError } from '../../core/errors.ts';
import type { TargetRoute } from '../../pipeline/target-route.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryTarget } from '../../ports/delivery-target.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import { isLoopback } from '../shared/http-server.ts';
import type { SettingsOf } from '../shared/known-settings.ts';
import { passes, readTargetsFile, type TargetSpec } from './targets-file.ts';

type OrderSyncSettings = SettingsOf<'order-sync'>;

/** The name of order-mgt in the ledger. */
export const TARGET = 'order-mgt';

/** What a state is called on a topic of states. */
const STATE_TYPE = 'order.state';

interface HttpTarget {
  readonly name: string;
  readonly url: string;
  readonly secrets: readonly string[];
  readonly caFile: string | undefined;
  readonly connections: number;
}

/** The targets beside order-mgt. */
export function moreTargets(settings: OrderSyncSettings): TargetSpec[] {
  return readTargetsFile(settings.targetsFile, {
    names: [TARGET],
    topics: [settings.orderTopic, settings.paymentTopic],
  });
}

/** Opens every target that the settings name; each is closed by its `close`. */
export function openRoutes(
  settings: OrderSyncSettings,
  specs: readonly TargetSpec[],
  { clock, logger, log }: { readonly clock: Clock; readonly logger: Logger; readonly log: EventLog },
): TargetRoute[] {
  requireSecretOutsideLoopback(settings, logger);
  const { deliveryConcurrency, deliveryDeadlineMs, deliveryRatePerSecond } = settings;
  const pace = {
    backoff: { baseMs: settings.deliveryBackoffBaseMs, capMs: settings.deliveryBackoffCapMs },
    maxAttempts: settings.deliveryMaxAttempts,
  };
  const openHttp = (target: HttpTarget) => {
    const { caFile, ...rest } = target;
    const trust = caFile === undefined ? {} : { caFile };
    return openHttpTarget({ ...rest, ...trust, clock, log: logger, deadlineMs: deliveryDeadlineMs });
  };
  const { targetSecret } = settings;
  const secrets = targetSecret === undefined ? [] : targetSecret.trim().split(/\s+/);
  const first: TargetRoute = {
    target: openHttp({
      name: TARGET,
      url: settings.targetUrl,
      secrets,
      caFile: settings.targetCaFile,
      connections: deliveryConcurrency,
    }),
    qualifies: null,
    pace: {
      ...pace,
      concurrency: deliveryConcurrency,
      ratePerSecond: deliveryRatePerSecond === 0 ? null : deliveryRatePerSecond,
    },
  };
  const others = specs.map((spec): TargetRoute => {
    const { name, place, filter } = spec;
    const concurrency = spec.concurrency ?? deliveryConcurrency;
    const target: DeliveryTarget =
      'url' in place
        ? openHttp({
            name,
            url: place.url,
            secrets: spec.secrets,
            caFile: spec.caFile,
            connections: concurrency,
          })
        : openKafkaTarget({
            name,
            topic: place.topic,
            producer: log.producer(),
            clock,
            deadlineMs: deliveryDeadlineMs,
            tombstones: spec.tombstones,
            isReady: (body) => body.ready_to_send === true && passes(filter, body),
            source: `/tributary/${settings.group}`,
            type: STATE_TYPE,
          });
    return {
      target,
      qualifies: filter.size === 0 ? null : (body) => passes(filter, body),
      pace: { ...pace, concurrency, ratePerSecond: spec.ratePerSecond },
    };
  });
  return [first, ...others];
}

function requireSecretOutsideLoopback(settings: OrderSyncSettings, logger: Logger): void {
  if (settings.targetSecret !== undefined || !settings.deliver) return;
  const { hostname } = new URL(settings.targetUrl);
  if (!isLoopback(hostname)) {
    throw new TributaryError(
      'setting_invalid',
      `ORDER_SYNC_TARGET_URL names ${hostname}, another machine, and no secret is set: set ORDER_SYNC_TARGET_SECRET ` +
        'so that the target can tell our deliveries from others.',
    );
  }
  logger(
    'warn',
    'Deliveries are not signed, since the target is on this machine: ORDER_SYNC_TARGET_SECRET is not set.',
  );
}
