import { dirname } from 'node:path';
import { isRetryable, messageOf } from '../../core/errors.ts';
import { orders } from '../../orders/index.ts';
import { Defects } from '../../pipeline/defects.ts';
import { Redrive } from '../../pipeline/redrive/redrive.ts';
import { Sync, type SyncStatus } from '../../pipeline/sync.ts';
import type { TargetRoute } from '../../pipeline/target-route.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { closeServer, listen } from '../shared/http/server.ts';
import { isKafka, openEventLog } from '../shared/parts/open-log.ts';
import { openStore } from '../shared/parts/open-store.ts';
import { sharingWarning } from '../shared/process/private-files.ts';
import { databaseOf, warnOfOpenConnection } from '../shared/settings/known/database.ts';
import type { SettingsOf } from '../shared/settings/known/index.ts';
import { accessFor } from './http/access.ts';
import { buildServer } from './http/server.ts';
import { closeRoute, moreTargets, openRoutes, TARGET } from './targets/targets.ts';
import type { TargetSpec } from './targets/targets-file.ts';

export type OrderSyncSettings = SettingsOf<'order-sync'>;

export interface OrderSync {
  /** Where the HTTP API answers, without a slash at the end. */
  readonly url: string;
  status(): SyncStatus;
  /** Commits and delivers what is in hand, gives the partitions back, closes everything. May be called twice. */
  close(): Promise<void>;
}

/** How long a claimed state may wait for its turn. */
const HOLD_MS = 10_000;
/** A claim outlives that, and what it was taken for, by so much. */
const LEASE_MARGIN_MS = 5_000;

export function deliveryTimingOf({ deliveryDeadlineMs }: OrderSyncSettings) {
  // A batch that has to be sent again singly takes up to two deadlines.
  return { holdMs: HOLD_MS, leaseMs: HOLD_MS + 2 * deliveryDeadlineMs + LEASE_MARGIN_MS };
}

/** The domain's topics, by the names that the settings give them. */
export function topicNamesOf(
  settings: Pick<OrderSyncSettings, 'orderTopic' | 'paymentTopic'>,
): Record<string, string> {
  return { order_events: settings.orderTopic, payment_events: settings.paymentTopic };
}

/** The store that the settings choose, for a command that needs no log. */
export function openCommandStore(settings: OrderSyncSettings, clock: Clock, logger: Logger): Store {
  return openStoreFor(settings, moreTargets(settings), clock, logger);
}

function openStoreFor(
  settings: OrderSyncSettings,
  specs: readonly TargetSpec[],
  clock: Clock,
  logger: Logger,
): Store {
  const targets = [TARGET, ...specs.map(({ name }) => name)];
  const { lanes, maxRecordBytes } = settings;
  return openStore(settings, { clock, log: logger, targets, lanes, maxRecordBytes });
}

/** The store and the log that the settings choose, for a command that looks at them or changes them. */
export async function openParts(
  settings: OrderSyncSettings,
  clock: Clock,
  logger: Logger,
): Promise<{ store: Store; log: EventLog; specs: readonly TargetSpec[]; close(): Promise<void> }> {
  const specs = moreTargets(settings);
  const store = openStoreFor(settings, specs, clock, logger);
  try {
    const log = await openEventLog(settings, clock, logger, {
      clientId: 'order-sync',
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

/** Where anything of it is on this machine's disk. */
function warnOfSharing(settings: OrderSyncSettings, logger: Logger): void {
  const { databaseUrl, dataDirectory } = settings;
  const file = databaseUrl.startsWith('sqlite:') ? databaseUrl.slice('sqlite:'.length) : undefined;
  if (file === undefined && isKafka(settings)) return;
  const warning = sharingWarning(isKafka(settings) ? dirname(file ?? '') : dataDirectory, file);
  if (warning !== null) logger('warn', warning);
}

/** Starts order-sync; resolves as soon as its HTTP API answers, while the pipeline may still wait for its parts. */
export async function startOrderSync(
  settings: OrderSyncSettings,
  {
    clock,
    logger,
    onFailure,
    portFlag = 'port',
  }: { clock: Clock; logger: Logger; onFailure: (error: unknown) => void; portFlag?: string },
): Promise<OrderSync> {
  const defects = new Defects(clock, logger);
  const access = accessFor(settings, logger);
  warnOfOpenConnection(databaseOf(settings, 'DATABASE'), 'DATABASE', logger);
  const { store, log, specs, close: closeParts } = await openParts(settings, clock, defects.logger);
  warnOfSharing(settings, logger);
  let routes: TargetRoute[];
  try {
    routes = openRoutes(settings, specs, { clock, logger: defects.logger, log, store });
  } catch (error) {
    await closeParts();
    throw error;
  }
  const redrive = new Redrive({ store, clock, logger, defects, perSecond: settings.redriveRate });
  // The embedded log belongs to nobody else who could make the topics; on Kafka that is the operator's choice.
  const madeTopics = isKafka(settings)
    ? []
    : [
        ...Object.values(topicNamesOf(settings)),
        ...specs.flatMap(({ place }) => ('topic' in place ? [place.topic] : [])),
      ];
  const makeTopics = () =>
    log.createTopics(madeTopics.map((topic) => ({ topic, partitions: settings.partitions })));
  const sync = new Sync({
    domain: orders,
    log,
    store,
    targets: routes,
    clock,
    logger,
    defects,
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
      ...deliveryTimingOf(settings),
    },
    onStoreReady: () => redrive.start(),
    ...(madeTopics.length === 0 ? {} : { makeTopics }),
  });
  const app = buildServer({
    store,
    clock,
    logger: defects.logger,
    onJob: () => redrive.wake(),
    health: () => sync.health(),
    status: () => sync.status(),
    access,
    guard: { host: settings.host, hosts: settings.knownHosts, setting: 'ORDER_SYNC_KNOWN_HOSTS' },
  });
  const closeAll = async () => {
    await redrive.stop();
    await sync.stop();
    await closeServer(app);
    await Promise.all(routes.map(closeRoute));
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
      portFlag,
    });
    // Whoever starts this may want the topics at once. If that fails, the pipeline tries it again until it works.
    if (madeTopics.length > 0) {
      await makeTopics().catch((error: unknown) => {
        if (!isRetryable(error)) throw error;
        logger('warn', `The topics could not be made yet: ${messageOf(error)}`);
      });
    }
    sync.start().then(() => {
      logger('info', `order-sync works on ${sync.topics.join(' and ')}; its HTTP API is ${url}`);
    }, onFailure);
    return { url, status: () => sync.status(), close };
  } catch (error) {
    await close();
    throw error;
  }
}
