import type { Domain, ViewRow } from '../../core/domain.ts';
import type { PartitionOffset } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { Tracing } from '../../ports/tracing.ts';
import type { Decoder } from '../decode/decoder.ts';
import type { Defects } from '../defects.ts';
import type { KnownHolds } from '../holds.ts';
import type { ViewWatch } from '../rebuild/view-mode.ts';
import type { Meters } from '../status/meters.ts';
import type { LongLimits } from './long-histories.ts';
import type { ParkedRegistry } from './parked.ts';
import type { HeldPartition } from './partition-holds.ts';
import type { QuarantineWatch } from './quarantine-watch.ts';
import type { WorkStatus } from './work-times.ts';

/** A target, and the states that it wants. */
export interface DueTarget {
  /** The name of the target in the ledger. */
  readonly name: string;
  /** Whether the target wants a ready row; null if it wants all of them. */
  readonly qualifies: ((row: ViewRow) => boolean) | null;
}

export interface IngestOptions<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly log: EventLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly topics: readonly string[];
  /** The targets to which states become due. */
  readonly targets: readonly DueTarget[];
  readonly group: string;
  /** The identity of the store, which all members of the group have to share. Without it nothing is compared. */
  readonly storeId?: string;
  /** The most transactions that may run side by side. */
  readonly lanes: number;
  /** The lanes are one until this instance is so many records behind the log; with 0 never. Default 20,000. */
  readonly apartFromRecords?: number;
  /** The most events of one transaction. */
  readonly batchEvents: number;
  /** The most events of all histories in memory. */
  readonly cacheEvents: number;
  /** About the most bytes that these histories take. Default: no limit. */
  readonly cacheBytes?: number;
  readonly maxBufferedBytes: number;
  /** When an entity's history is too long to be held whole; default `LONG_LIMITS`. */
  readonly longLimits?: LongLimits;
  /** Records spans. Default: nobody records any. */
  readonly tracing?: Tracing;
  /** Called after each commit. */
  readonly onCommitted?: (report: CommitReport) => void;
  /** Called with the error that ended a lane. Its partitions are acquired again. */
  readonly onFailure?: (error: unknown) => void;
  /** A registry that other parts use too; default one of its own. */
  readonly parked?: ParkedRegistry;
  /** A watch that other parts ask too, and that the caller runs; default one of its own. */
  readonly quarantine?: QuarantineWatch;
  /** The holds, which were read before. Default: nothing is ever on hold. */
  readonly holds?: Omit<KnownHolds, 'ofTarget'>;
  /** Meters that other parts use too; default new ones. */
  readonly meters?: Meters;
  /** A count of defects that other parts use too; default one of its own. */
  readonly defects?: Defects;
  /** Knows whether rows are written, and waits while the view is exchanged. Without it, rows are always written. */
  readonly view?: Pick<ViewWatch, 'writesRows' | 'isOutdated' | 'untilExchanged' | 'refresh'>;
}

/** What became of the events of one batch. */
export interface BatchTally {
  readonly journaled: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly conflicts: number;
}

export interface CommitReport extends BatchTally {
  readonly consumed: number;
  readonly quarantined: number;
  readonly deliveriesDue: number;
  readonly locking: boolean;
  readonly offsets: readonly PartitionOffset[];
}

/** The counts since the start, and the present state of the partitions. */
export interface IngestStatus {
  readonly consumed: number;
  readonly journaled: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly batches: number;
  readonly lockingBatches: number;
  /** The partitions that this instance works on. `committed` is the offset of the next record to be journaled. */
  readonly owned: readonly { readonly name: string; readonly committed: bigint }[];
  readonly halted: readonly { readonly name: string; readonly reason: string }[];
  /** The partitions of this instance that are not read, because an operator has paused them. */
  readonly held: readonly HeldPartition[];
  /** The partitions of this instance that it cannot work on at present, with the reason. */
  readonly waiting: readonly { readonly name: string; readonly reason: string }[];
  /** The number of parked entities that this instance knows. */
  readonly parked: number;
  readonly work: WorkStatus;
}

/** The counts of an instance that has just started. */
export const NOTHING_YET = {
  consumed: 0,
  journaled: 0,
  duplicates: 0,
  outOfOrder: 0,
  conflicts: 0,
  quarantined: 0,
  batches: 0,
  lockingBatches: 0,
};

/** Adds the counts of one commit. */
export function addTo(
  totals: { -readonly [Count in keyof typeof NOTHING_YET]: number },
  report: CommitReport,
): void {
  totals.batches++;
  if (report.locking) totals.lockingBatches++;
  for (const key of [
    'consumed',
    'journaled',
    'duplicates',
    'outOfOrder',
    'conflicts',
    'quarantined',
  ] as const)
    totals[key] += report[key];
}
