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
  /** Opened with the names of `targets`. Stays the caller's to close. */
  readonly store: OpenedStore;
  /** Every state that is due is owed to each of them whose route it qualifies for. */
  readonly targets: readonly TargetRoute[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** The actual name of each topic that the domain names, where it has another one. */
  readonly topicNames?: Readonly<Record<string, string>>;
  readonly group: string;
  readonly ingest?: Partial<IngestTuning>;
  readonly delivery?: Partial<DeliveryTuning>;
  /** Makes the topics before they are looked for, where that is not an operator's choice; tried until it works. */
  readonly makeTopics?: () => Promise<void>;
  /** Called once with the migrated store, while the log may still be missing. */
  readonly onStoreReady?: (store: Store) => void;
}

export interface IngestTuning {
  /** How many transactions may run side by side; default 4. */
  readonly lanes: number;
  /** The most events of one transaction; default 8,000. */
  readonly batchEvents: number;
  /** How many events' worth of histories are kept in memory; default 200,000. */
  readonly cacheEvents: number;
  /** How many bytes of records may wait in memory; default 32 MiB. */
  readonly maxBufferedBytes: number;
  /** A larger record is quarantined; default 1 MiB. */
  readonly maxRecordBytes: number;
  /** Whether a record without a key is an event all the same; default false. */
  readonly acceptsMissingKeys: boolean;
}

/** For all targets; what is left out is as in `DEFAULT_TIMING`. */
export interface DeliveryTuning extends DeliverTiming {
  /** Whether this instance sends; what is due is written all the same. Default true. */
  readonly enabled: boolean;
}
