import {
  openHttpHoldings,
  openHttpTarget,
  type SettingNames,
} from '../../../adapters/http-delivery/index.ts';
import { openTopicTarget } from '../../../adapters/topic-delivery/index.ts';
import { TributaryError } from '../../../core/errors.ts';
import type { TargetRoute } from '../../../pipeline/target-route.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { DeliveryTarget } from '../../../ports/delivery-target.ts';
import type { EventLog } from '../../../ports/event-log.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { Senders } from '../../../ports/senders.ts';
import type { TargetHoldings } from '../../../ports/target-holdings.ts';
import { NO_TRACING, type Tracing } from '../../../ports/tracing.ts';
import { isLoopback } from '../../shared/http/loopback.ts';
import type { SettingsOf } from '../../shared/settings/known/index.ts';
import { reachOf, reachOptions } from './reach.ts';
import { moreTargets, qualifierOf } from './targets.ts';
import { passes, type TargetSpec } from './targets-file.ts';
import { sourceOf, stateTypeOf, wishesOf } from './wishes.ts';

type OrderSyncSettings = SettingsOf<'order-sync'>;

interface OpenParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Records spans. Default: nobody records any. */
  readonly tracing?: Tracing;
}

/** A target that takes states by HTTP. */
type HttpSpec = Pick<TargetSpec, 'name' | 'secrets' | 'reach' | 'wishes' | 'filter' | 'ratePerSecond'> & {
  readonly url: string;
  /** How messages name its settings. */
  readonly settingNames: SettingNames;
  readonly concurrency: number;
  readonly reconcileEveryMs: number;
};

/**
 * Opens every target that the settings name. The caller closes each by `closeRoute`. A target that is a topic waits with
 * its first append for `senders`, which resolves once the store is migrated.
 */
export function openRoutes(
  settings: OrderSyncSettings,
  specs: readonly TargetSpec[],
  {
    clock,
    logger,
    log,
    senders,
    tracing = NO_TRACING,
  }: OpenParts & { readonly log: EventLog; readonly senders: Promise<Senders> },
): TargetRoute[] {
  requireSecretOutsideLoopback(settings, logger);
  const { readyColumn } = settings.synced.domain.view;
  const others = specs.map((spec): TargetRoute => {
    const { name, place, filter } = spec;
    if ('url' in place)
      return openSweptRoute(settings, httpSpec(settings, spec, place.url), { clock, logger, tracing });
    const target = openTopicTarget({
      name,
      topic: place.topic,
      producer: log.producer({
        family: {
          join: async (producer) => (await senders).noteSender(name, producer),
          members: async () => (await senders).readSenders(name),
          leave: async (producer) => (await senders).forgetSender(name, producer),
        },
      }),
      clock,
      tombstones: spec.tombstones,
      isReady: (body) => (readyColumn === undefined || body[readyColumn] === true) && passes(filter, body),
      source: sourceOf(settings.group),
      type: stateTypeOf(settings.synced.domain),
      tracing,
    });
    const concurrency = spec.concurrency ?? settings.deliveryConcurrency;
    return routeOf(settings, target, { ...spec, concurrency });
  });
  const first = openSweptRoute(settings, firstSpec(settings), { clock, logger, tracing });
  return [{ ...first, isFromBeginning: true }, ...others];
}

/** Closes the target and its holdings. May be called twice. */
export async function closeRoute({ target, sweep }: TargetRoute): Promise<void> {
  await target.close();
  await sweep?.holdings.close();
}

/** Opens one target, and the requests that ask it which states it holds. The caller closes both. */
export function openForReconciliation(
  settings: OrderSyncSettings,
  specs: readonly TargetSpec[],
  name: string,
  parts: OpenParts,
): { readonly route: TargetRoute; readonly holdings: TargetHoldings } {
  const spec = reconcilable(settings, specs, name);
  if (name === settings.synced.target) requireSecretOutsideLoopback(settings, parts.logger);
  return { route: openHttpRoute(settings, spec, parts), holdings: openHoldings(settings, spec, parts) };
}

/** Opens the requests that ask a target which states it holds. The caller closes them. Throws if it is a topic. */
export function openHoldingsOf(
  settings: OrderSyncSettings,
  name: string,
  parts: Pick<OpenParts, 'clock' | 'logger'>,
): TargetHoldings {
  return openHoldings(settings, reconcilable(settings, moreTargets(settings), name), parts);
}

/** The names of the targets that can be asked which states they hold. */
export function targetsThatTell(settings: OrderSyncSettings, specs: readonly TargetSpec[]): string[] {
  const tells = ({ wishes }: Pick<HttpSpec, 'wishes'>) => wishes.template === undefined;
  const others = specs.filter((spec) => 'url' in spec.place && tells(spec)).map(({ name }) => name);
  return tells(firstSpec(settings)) ? [settings.synced.target, ...others] : others;
}

function openHoldings(
  settings: OrderSyncSettings,
  { name, url, reach }: HttpSpec,
  { clock, logger }: Pick<OpenParts, 'clock' | 'logger'>,
): TargetHoldings {
  return openHttpHoldings({
    ...reachOptions(reach, url, settings),
    name,
    url,
    clock,
    logger,
    deadlineMs: settings.deliveryDeadlineMs,
    view: settings.synced.domain.view,
  });
}

function reconcilable(settings: OrderSyncSettings, specs: readonly TargetSpec[], name: string): HttpSpec {
  const spec = specOf(settings, specs, name);
  if (spec.wishes.template === undefined) return spec;
  throw new TributaryError(
    'holdings_not_offered',
    `Target ${name} gets a body of its own (ORDER_SYNC_TARGET_BODY, or "bodyFile" in the targets file), so what it holds ` +
      'cannot be compared with what was delivered.',
  );
}

function specOf(settings: OrderSyncSettings, specs: readonly TargetSpec[], name: string): HttpSpec {
  if (name === settings.synced.target) return firstSpec(settings);
  const spec = specs.find((found) => found.name === name);
  if (spec === undefined) {
    const names = [settings.synced.target, ...specs.map((known) => known.name)];
    throw new TributaryError(
      'usage',
      `There is no target ${JSON.stringify(name)}; the targets are ${names.join(', ')}.`,
    );
  }
  if ('url' in spec.place) return httpSpec(settings, spec, spec.place.url);
  throw new TributaryError(
    'holdings_not_offered',
    `Target ${name} is a topic, and a topic cannot be asked which states it holds.`,
  );
}

function firstSpec(settings: OrderSyncSettings): HttpSpec {
  const { targetSecret, deliveryConcurrency, deliveryRatePerSecond } = settings;
  return {
    name: settings.synced.target,
    url: settings.targetUrl,
    settingNames: {
      url: 'ORDER_SYNC_TARGET_URL',
      secret: 'ORDER_SYNC_TARGET_SECRET',
      caFile: 'ORDER_SYNC_TARGET_CA_FILE',
      certFile: 'ORDER_SYNC_TARGET_CERT_FILE and ORDER_SYNC_TARGET_KEY_FILE',
      apiKey: 'ORDER_SYNC_TARGET_API_KEY',
      headers: 'ORDER_SYNC_TARGET_HEADERS',
      oauth: 'ORDER_SYNC_TARGET_OAUTH_TOKEN_URL, ..._CLIENT_ID and ..._CLIENT_SECRET',
      proxy: 'HTTP_PROXY, HTTPS_PROXY, NO_PROXY or ORDER_SYNC_TARGET_PROXY',
    },
    secrets: targetSecret === undefined ? [] : targetSecret.trim().split(/\s+/),
    reach: reachOf(settings),
    wishes: wishesOf(settings),
    filter: new Map(),
    concurrency: deliveryConcurrency,
    ratePerSecond: deliveryRatePerSecond === 0 ? null : deliveryRatePerSecond,
    reconcileEveryMs: settings.reconcileEveryMs,
  };
}

function httpSpec(settings: OrderSyncSettings, spec: TargetSpec, url: string): HttpSpec {
  const named = (field: string) => `${field} of ${spec.name} in the targets file`;
  return {
    ...spec,
    url,
    settingNames: {
      url: named('"url"'),
      secret: named('"secretFile"'),
      caFile: named('"caFile"'),
      certFile: named('"certFile" and "keyFile"'),
      apiKey: named('"apiKeyFile"'),
      headers: named('"headersFile"'),
      oauth: named('"oauth"'),
      proxy: `HTTP_PROXY, HTTPS_PROXY, NO_PROXY or ${named('"proxy"')}`,
    },
    concurrency: spec.concurrency ?? settings.deliveryConcurrency,
    reconcileEveryMs: spec.reconcileEveryMs ?? settings.reconcileEveryMs,
  };
}

function openSweptRoute(settings: OrderSyncSettings, spec: HttpSpec, parts: OpenParts): TargetRoute {
  const route = openHttpRoute(settings, spec, parts);
  const everyMs = spec.reconcileEveryMs;
  if (everyMs === 0) return route;
  if (spec.wishes.template !== undefined) {
    parts.logger(
      'info',
      `Target ${spec.name} gets a body of its own: states go singly, and sweeps do not compare what it holds.`,
    );
    return route;
  }
  return {
    ...route,
    sweep: { holdings: openHoldings(settings, spec, parts), everyMs, perSecond: settings.redriveRate },
  };
}

function openHttpRoute(
  settings: OrderSyncSettings,
  spec: HttpSpec,
  { clock, logger, tracing = NO_TRACING }: OpenParts,
): TargetRoute {
  const { name, url, secrets, reach, wishes, concurrency, settingNames } = spec;
  const deadlineMs = settings.deliveryDeadlineMs;
  const target = openHttpTarget({
    ...reachOptions(reach, url, settings),
    ...wishes,
    name,
    url,
    settingNames,
    secrets,
    clock,
    logger,
    tracing,
    deadlineMs,
    connections: concurrency,
  });
  return routeOf(settings, target, spec);
}

function routeOf(
  settings: OrderSyncSettings,
  target: DeliveryTarget,
  { filter, concurrency, ratePerSecond }: Pick<HttpSpec, 'filter' | 'concurrency' | 'ratePerSecond'>,
): TargetRoute {
  return {
    target,
    qualifies: qualifierOf(filter),
    pace: {
      backoff: { baseMs: settings.deliveryBackoffBaseMs, capMs: settings.deliveryBackoffCapMs },
      maxAttempts: settings.deliveryMaxAttempts,
      concurrency,
      ratePerSecond,
    },
  };
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
