import { openHttpTarget } from '../../adapters/http-delivery/index.ts';
import { TributaryError } from '../../core/errors.ts';
import { orders } from '../../orders/index.ts';
import { Redrive } from '../../pipeline/redrive/redrive.ts';
import { Sync, type SyncStatus } from '../../pipeline/sync.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { closeServer, isLoopback, listen } from '../shared/http-server.ts';
import type { SettingsOf } from '../shared/known-settings.ts';
import { isKafka, openEventLog } from '../shared/open-log.ts';
import { openStore } from '../shared/open-store.ts';
import { buildServer } from './http.ts';

export type OrderSyncSettings = SettingsOf<'order-sync'>;

export interface OrderSync {
  /** Where the HTTP API answers, without a slash at the end. */
  readonly url: string;
  status(): SyncStatus;
  /** Commits and delivers what is in hand, gives the partitions back, closes everything. May be called twice. */
  close(): Promise<void>;
}

/** The name of order-mgt in the ledger. */
export const TARGET = 'order-mgt';

/** A claim outlives the request that it was taken for by so much. */
const LEASE_MARGIN_MS = 15_000;

/** The domain's topics, by the names that the settings give them. */
export function topicNamesOf(
  settings: Pick<OrderSyncSettings, 'orderTopic' | 'paymentTopic'>,
): Record<string, string> {
  return { order_events: settings.orderTopic, payment_events: settings.paymentTopic };
}

/** The store that the settings choose, for a command that needs no log. */
export function openCommandStore(settings: OrderSyncSettings, clock: Clock, logger: Logger): Store {
  const { databaseUrl, lanes } = settings;
  return openStore(databaseUrl, { clock, log: logger, targets: [TARGET], lanes });
}

/** The store and the log that the settings choose, for a command that looks at them or changes them. */
export async function openParts(
  settings: OrderSyncSettings,
  clock: Clock,
  logger: Logger,
): Promise<{ store: Store; log: EventLog; close(): Promise<void> }> {
  const store = openCommandStore(settings, clock, logger);
  try {
    const log = await openEventLog(settings, clock, logger, {
      clientId: 'order-sync',
      sessionTimeoutMs: settings.sessionTimeoutMs,
    });
    return {
      store,
      log,
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

/** Starts order-sync; resolves as soon as its HTTP API answers, while the pipeline may still wait for its parts. */
export async function startOrderSync(
  settings: OrderSyncSettings,
  { clock, logger, onFailure }: { clock: Clock; logger: Logger; onFailure: (error: unknown) => void },
): Promise<OrderSync> {
  requireSecretOutsideLoopback(settings, logger);
  const { store, log, close: closeParts } = await openParts(settings, clock, logger);
  const target = openHttpTarget({
    name: TARGET,
    url: settings.targetUrl,
    secrets: settings.targetSecret === undefined ? [] : settings.targetSecret.trim().split(/\s+/),
    clock,
    log: logger,
    deadlineMs: settings.deliveryDeadlineMs,
    connections: settings.deliveryConcurrency,
  });
  const sync = new Sync({
    domain: orders,
    log,
    store,
    targets: [target],
    clock,
    logger,
    topicNames: topicNamesOf(settings),
    group: settings.group,
    ingest: {
      lanes: settings.lanes,
      batchEvents: settings.batchEvents,
      cacheEvents: settings.cacheEvents,
      maxRecordBytes: settings.maxRecordBytes,
      acceptsMissingKeys: settings.acceptsMissingKeys,
    },
    delivery: {
      enabled: settings.deliver,
      concurrency: settings.deliveryConcurrency,
      leaseMs: settings.deliveryDeadlineMs + LEASE_MARGIN_MS,
      backoff: { baseMs: settings.deliveryBackoffBaseMs, capMs: settings.deliveryBackoffCapMs },
      maxAttempts: settings.deliveryMaxAttempts,
    },
  });
  const redrive = new Redrive({ store, clock, logger, perSecond: settings.redriveRate });
  const app = buildServer({
    store,
    clock,
    logger,
    onJob: () => redrive.wake(),
    health: () => sync.health(),
    status: () => sync.status(),
  });
  const closeAll = async () => {
    await redrive.stop();
    await sync.stop();
    await closeServer(app);
    await target.close();
    await closeParts();
  };
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= closeAll();
    return closed;
  };
  try {
    const url = await listen(app, {
      host: settings.host,
      port: settings.port,
      program: 'order-sync',
      hostSetting: 'ORDER_SYNC_HOST',
      portSetting: 'ORDER_SYNC_PORT',
    });
    // The embedded log belongs to nobody else who could make the topics; on Kafka that is the operator's choice.
    if (!isKafka(settings)) {
      await log.createTopics(sync.topics.map((topic) => ({ topic, partitions: settings.partitions })));
    }
    sync.start().then(() => {
      redrive.start();
      logger('info', `order-sync works on ${sync.topics.join(' and ')}; its HTTP API is ${url}`);
    }, onFailure);
    return { url, status: () => sync.status(), close };
  } catch (error) {
    await close();
    throw error;
  }
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
