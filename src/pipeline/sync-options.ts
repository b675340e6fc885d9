import type { Domain } from '../core/domain.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Logger } from '../ports/logger.ts';
import type { OpenedStore, Store } from '../ports/store.ts';
import type { DeliverTiming } from './deliver/options.ts';
import type { TargetRoute } from './target-route.ts';

export interface SyncOptions<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly log: EventLog;
  /** The store, opened with the names of `targets`. The caller closes it. */
  readonly store: OpenedStore;
  /** The targets. A due state is due to each of them whose route it qualifies for. */
  readonly targets: readonly TargetRoute[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** The actual name of each topic that is not called as the domain calls it. */
  readonly topicNames?: Readonly<Record<string, string>>;
  readonly group: string;
  readonly ingest?: Partial<IngestTuning>;
  readonly delivery?: Partial<DeliveryTuning>;
  /** Makes the topics where that is not left to an operator. It is tried until it works. */
  readonly makeTopics?: () => Promise<void>;
  /** Called once with the migrated store. The log may still be missing. */
  readonly onStoreReady?: (store: Store) => void;
}

export interface IngestTuning {
  /** The most transactions that may run side by side; default 4. */
  readonly lanes: number;
  /** The most events of one transaction; default 8,000. */
  readonly batchEvents: number;
  /** The most events of all histories in memory; default 200,000. */
  readonly cacheEvents: number;
  /** The most bytes of records that may wait in memory; default 32 MiB. */
  readonly maxBufferedBytes: number;
  /** A larger record is quarantined; default 1 MiB. */
  readonly maxRecordBytes: number;
  /** Whether a record without a key may be an event; default false. */
  readonly acceptsMissingKeys: boolean;
}

/** The tuning of deliveries to all targets; defaults as in `DEFAULT_TIMING`. */
export interface DeliveryTuning extends DeliverTiming {
  /** Whether this instance sends deliveries; default true. States become due in any case. */
  readonly enabled: boolean;
}
