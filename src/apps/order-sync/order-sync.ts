import { dirname } from 'node:path';
import { isRetryable, messageOf } from '../../core/errors.ts';
import { API_EVENTS_MAX } from '../../pipeline/ask/parts.ts';
import { Defects } from '../../pipeline/defects.ts';
import { JobWorker } from '../../pipeline/jobs/job-worker.ts';
import { instanceStatusOf } from '../../pipeline/status/instance.ts';
import { Series, seriesReadingOf } from '../../pipeline/status/series.ts';
import { StatusReader } from '../../pipeline/status/status.ts';
import { supervised } from '../../pipeline/supervised.ts';
import { Sync, type SyncStatus } from '../../pipeline/sync.ts';
import type { TargetRoute } from '../../pipeline/target-route.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Senders } from '../../ports/senders.ts';
import type { Store } from '../../ports/store.ts';
import { closeServer, listen } from '../shared/http/listen.ts';
import { ProblemCounts } from '../shared/http/metrics.ts';
import { isKafka } from '../shared/parts/open-log.ts';
import { openSchemas } from '../shared/parts/open-schemas.ts';
import { openTracing } from '../shared/parts/open-tracing.ts';
import { sharingWarning } from '../shared/process/private-files.ts';
import { wordsForPages } from '../shared/settings/domain-words.ts';
import { databaseOf, warnOfOpenConnection } from '../shared/settings/known/database.ts';
import { sourcesOf } from '../shared/settings/known/source.ts';
import type { SettingEntry } from '../shared/settings/load.ts';
import { domainOf, topicNamesOf, topicsOf } from '../shared/settings/synced.ts';
import { askPartsOf, type OrderAskParts } from './ask-parts.ts';
import { askedLog } from './asked-log.ts';
import type { BuiltConsole, ConsolePlace } from './console/console-build.ts';
import { ConsolePages, NO_CONSOLE } from './console/console-pages.ts';
import { decoderOf } from './decoder-of.ts';
import { knownEventTypes } from './event-types.ts';
import { accessFor } from './http/access.ts';
import { buildServer } from './http/server.ts';
import { jobHandlersOf } from './job-handlers.ts';
import { KeptStatus } from './kept-status.ts';
import { orderSyncMetrics } from './metrics.ts';
import { deliveryTimingOf, type OrderSyncSettings, openParts } from './open-parts.ts';
import { reportFor } from './status-report.ts';
import { closeRoute, openRoutes, targetsThatTell } from './targets/routes.ts';
import { Trial } from './trial.ts';

export interface OrderSync {
  /** The address of the HTTP API, without a slash at the end. */
  readonly url: string;
  status(): SyncStatus;
  /** Resolves when the console is built, or cannot be. Null if this server was started without it. Never rejects. */
  console(): Promise<BuiltConsole | null>;
  /** Finishes the work in hand, gives the partitions back, and closes everything. May be called twice. */
  close(): Promise<void>;
}

/** Warns if other users may use the files of this program. Does nothing if it keeps no files. */
function warnOfSharing(settings: OrderSyncSettings, logger: Logger): void {
  const { databaseUrl, dataDirectory } = settings;
  const file = databaseUrl.startsWith('sqlite:') ? databaseUrl.slice('sqlite:'.length) : undefined;
  if (file === undefined && isKafka(settings)) return;
  const warning = sharingWarning(isKafka(settings) ? dirname(file ?? '') : dataDirectory, file);
  if (warning !== null) logger('warn', warning);
}

export interface OrderSyncParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
  /** The flag that names the port, for messages. */
  readonly portFlag?: string;
  /** The settings with their sources, for callers who ask which ones the instance runs with. Default: none are shown. */
  readonly settingEntries?: readonly SettingEntry[];
  /** Where the console is built. Without it the server has no pages. */
  readonly consolePlace?: ConsolePlace;
}

/** Starts order-sync. Resolves as soon as the HTTP API answers; the pipeline may still wait for its parts then. */
export async function startOrderSync(
  settings: OrderSyncSettings,
  { clock, logger, onFailure, portFlag = 'port', consolePlace, settingEntries = [] }: OrderSyncParts,
): Promise<OrderSync> {
  const defects = new Defects(clock, logger);
  const access = accessFor(settings, logger);
  warnOfOpenConnection(databaseOf(settings, 'DATABASE'), 'DATABASE', logger);
  const { store, log, specs, close: closeParts } = await openParts(settings, clock, defects.logger);
  warnOfSharing(settings, logger);
  const senders = Promise.withResolvers<Senders>();
  const tracing = await openTracing(settings);
  let routes: TargetRoute[];
  try {
    routes = openRoutes(settings, specs, {
      clock,
      logger: defects.logger,
      log,
      senders: senders.promise,
      tracing,
    });
  } catch (error) {
    await closeParts();
    throw error;
  }
  let redriven = 0;
  const jobs = new JobWorker({ store, clock, logger, defects });
  // Nobody else makes the topics of the embedded log. On Kafka the operator decides about topics.
  const madeTopics = isKafka(settings)
    ? []
    : [...topicsOf(settings), ...specs.flatMap(({ place }) => ('topic' in place ? [place.topic] : []))];
  const makeTopics = () =>
    log.createTopics(madeTopics.map((topic) => ({ topic, partitions: settings.partitions })));
  let migratedStore: Store | null = null;
  let asked: OrderAskParts | null = null;
  const sync = new Sync({
    domain: domainOf(settings),
    onOutdated: onFailure,
    log,
    store,
    targets: routes,
    clock,
    logger,
    defects,
    tracing,
    topicNames: topicNamesOf(settings),
    group: settings.group,
    stuckAfterMs: settings.stuckAfterMs,
    ingest: {
      lanes: settings.lanes,
      // On SQLite the commits of several lanes share a sync of the disk.
      ...(databaseOf(settings, 'DATABASE').kind === 'sqlite' ? { apartFromRecords: 0 } : {}),
      batchEvents: settings.batchEvents,
      cacheEvents: settings.cacheEvents,
      cacheBytes: settings.cacheBytes,
      maxRecordBytes: settings.maxRecordBytes,
      acceptsMissingKeys: settings.acceptsMissingKeys,
      sources: sourcesOf(settings),
      schemas: openSchemas(settings, clock),
    },
    delivery: {
      enabled: settings.deliver,
      ...deliveryTimingOf(settings),
    },
    onStoreReady(migrated) {
      senders.resolve(migrated);
      migratedStore = migrated;
      asked = askPartsOf(settings, {
        store: migrated,
        clock,
        topicNames: topicNamesOf(settings),
        log: askedLog(async () => log, clock),
        maxEvents: API_EVENTS_MAX,
      });
      const onRedriven = (deliveries: number) => {
        redriven += deliveries;
      };
      jobs.start(
        jobHandlersOf(settings, { store: migrated, log, clock, logger: defects.logger, onRedriven }),
      );
    },
    ...(madeTopics.length === 0 ? {} : { makeTopics }),
  });
  const problems = new ProblemCounts();
  const shared = new StatusReader({
    log,
    store,
    clock,
    topics: sync.topics,
    targets: routes.map(({ target }) => target.name),
  });
  const kept = new KeptStatus(
    () => shared.read(),
    clock,
    (error) => defects.met('the metrics', error),
  );
  const decoder = decoderOf(settings, clock);
  const eventTypes = knownEventTypes(settings);
  const trial = settings.offersTry ? new Trial({ log, clock, tracing, decoder, eventTypes }) : null;
  const series = new Series(clock);
  const stopping = new AbortController();
  const pages =
    consolePlace === undefined
      ? null
      : new ConsolePages(consolePlace, logger, wordsForPages(settings.synced));
  const app = buildServer({
    synced: settings.synced,
    console: pages ?? NO_CONSOLE,
    settingEntries,
    series: () => series.points(),
    problems,
    metrics: orderSyncMetrics(
      async () => ({
        shared: await kept.latest(),
        sync: sync.status(),
        redriven,
        problems: problems.list(),
      }),
      settings.synced,
    ),
    store,
    log,
    topics: sync.topics,
    targets: routes.map(({ target }) => target.name),
    clock,
    logger: defects.logger,
    migrated: () => migratedStore,
    ask: () => asked,
    decoder,
    eventTypes,
    group: settings.group,
    trial,
    onJob: () => jobs.wake(),
    targetsThatTell: targetsThatTell(settings, specs),
    onHolds: () => sync.holdsChanged(),
    readiness: async () => {
      const health = await sync.health();
      return health.ok ? health : { ...health, code: 'not_ready' };
    },
    status: () => sync.status(),
    async report() {
      const [found, health] = await Promise.all([shared.read(), sync.health()]);
      const storeId = found.store.ok ? found.store.value.storeId : null;
      return reportFor(settings.synced, found, instanceStatusOf(sync.status(), health, storeId));
    },
    access,
    guard: { host: settings.host, hosts: settings.knownHosts, setting: 'ORDER_SYNC_KNOWN_HOSTS' },
  });
  const closeAll = async () => {
    stopping.abort();
    await jobs.stop();
    await sync.stop();
    await pages?.stop();
    await closeServer(app);
    await Promise.all([...routes.map(closeRoute), trial?.close()]);
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
      program: settings.synced.program,
      hostSetting: 'ORDER_SYNC_HOST',
      portSetting: 'ORDER_SYNC_PORT',
      portFlag,
    });
    void pages?.built();
    void supervised(
      'the series',
      () =>
        series.run(
          async () => seriesReadingOf(sync.status(), await kept.latest(), sync.latencies()),
          stopping.signal,
        ),
      { defects, clock, signal: stopping.signal },
    );
    // The caller may need the topics at once. If they cannot be made now, the pipeline tries again until they are there.
    if (madeTopics.length > 0) {
      await makeTopics().catch((error: unknown) => {
        if (!isRetryable(error)) throw error;
        logger('warn', `The topics could not be made yet: ${messageOf(error)}`);
      });
    }
    sync.start().then(() => {
      logger(
        'info',
        `${settings.synced.program} works on ${sync.topics.join(' and ')}; its HTTP API is ${url}`,
      );
    }, onFailure);
    return { url, status: () => sync.status(), console: async () => (await pages?.built()) ?? null, close };
  } catch (error) {
    await close();
    throw error;
  }
}
