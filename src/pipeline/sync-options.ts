import type { Domain } from '../core/domain.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Logger } from '../ports/logger.ts';
import type { OpenedStore, Store } from '../ports/store.ts';
import type { Tracing } from '../ports/tracing.ts';
import type { ValueSchemas } from '../ports/value-schemas.ts';
import type { SourceOptions } from './decode/source/options.ts';
import type { Defects } from './defects.ts';
import type { DeliverTiming } from './deliver/options.ts';
import type { TargetRoute } from './target-route.ts';

export interface SyncOptions<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly log: EventLog;
  /** The store has to be opened with the names of `targets`. The caller closes it. */
  readonly store: OpenedStore;
  /** Each state that becomes due is sent to every target whose route it qualifies for. */
  readonly targets: readonly TargetRoute[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** By the name that the domain gives a topic: the topic's actual name, where it is another one. */
  readonly topicNames?: Readonly<Record<string, string>>;
  readonly group: string;
  readonly ingest?: Partial<IngestTuning>;
  readonly delivery?: Partial<DeliveryTuning>;
  /** An entity that waits for an event is stuck when its last event was journaled this long ago. Default: 24 h. */
  readonly stuckAfterMs?: number;
  /** Makes the topics at the start, where no operator has to make them. Called until it works. */
  readonly makeTopics?: () => Promise<void>;
  /** Called when a program with a newer fold has taken over the view, so that this one must end. */
  readonly onOutdated?: (error: unknown) => void;
  /** Called once with the migrated store. The log may not answer yet. */
  readonly onStoreReady?: (store: Store) => void;
  /** Counts the defects of this pipeline, and perhaps those of other parts of the program. Default: a new one. */
  readonly defects?: Defects;
  /** Records spans. Default: nobody records any. */
  readonly tracing?: Tracing;
}

export interface IngestTuning {
  /** The most transactions that run side by side. Default: 4. */
  readonly lanes: number;
  /** There is one lane until this instance is so many records behind the log; with 0 never. Default: 20,000. */
  readonly apartFromRecords: number;
  /** The most events in one transaction. Default: 4,000. */
  readonly batchEvents: number;
  /** The most events in the histories that are kept in memory. Default: 200,000. */
  readonly cacheEvents: number;
  /** About the most bytes that these histories take. Default: 32 MiB. */
  readonly cacheBytes: number;
  /** The most bytes of records that wait in memory. Default: 16 MiB. */
  readonly maxBufferedBytes: number;
  /** A larger record is quarantined. Default: 1 MiB. */
  readonly maxRecordBytes: number;
  /** Whether a record without a key can be an event. Default: false. */
  readonly acceptsMissingKeys: boolean;
  /** By the actual name of a topic: what its records are. Default: plain events. */
  readonly sources: Readonly<Record<string, SourceOptions>>;
  /** The schemas of values behind a schema registry's prefix. Default: only JSON is read there. */
  readonly schemas: ValueSchemas | null;
}

/** The timing for all targets. Defaults: `DEFAULT_TIMING`. */
export interface DeliveryTuning extends DeliverTiming {
  /** Whether this instance sends states. It records in any case which states are due. Default: true. */
  readonly enabled: boolean;
}
