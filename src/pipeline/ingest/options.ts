import type { Domain, ViewRow } from '../../core/domain.ts';
import type { Position } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { Decoder } from '../decode/decoder.ts';
import type { Defects } from '../defects.ts';
import type { LongLimits } from './long-histories.ts';
import type { ParkedRegistry } from './parked.ts';
import type { QuarantineWatch } from './quarantine-watch.ts';

/** What decides which states are due to a target. */
export interface DueTarget {
  /** As the ledger names it. */
  readonly name: string;
  /** Which of the ready rows it wants; null: all of them. */
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
  /** Who is to be sent which of the states that become due. */
  readonly targets: readonly DueTarget[];
  readonly group: string;
  /** The store's identity, which the members of the group have to share; not compared if it is not given. */
  readonly storeId?: string;
  /** How many transactions may run side by side. */
  readonly lanes: number;
  /** The most events of one transaction. */
  readonly batchEvents: number;
  /** How many events' worth of histories are kept in memory. */
  readonly cacheEvents: number;
  readonly maxBufferedBytes: number;
  /** From when on an entity's history is not held whole; `LONG_LIMITS` if it is not given. */
  readonly longLimits?: LongLimits;
  /** Called after each commit. */
  readonly onCommitted?: (report: CommitReport) => void;
  /** Called with the error that ended a lane; its partitions are claimed again. */
  readonly onFailure?: (error: unknown) => void;
  /** Given where others need it too. */
  readonly parked?: ParkedRegistry;
  /** Given where others ask it too; it is the caller's to run. */
  readonly quarantine?: QuarantineWatch;
  /** Given where others count there too. */
  readonly defects?: Defects;
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
  readonly positions: readonly Position[];
}

/** What has happened since the start, and how things stand. */
export interface IngestStatus {
  readonly consumed: number;
  readonly journaled: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly batches: number;
  readonly lockingBatches: number;
  readonly owned: readonly { readonly name: string; readonly committed: bigint }[];
  readonly halted: readonly { readonly name: string; readonly reason: string }[];
  /** Partitions of this instance that it can't work on at the moment, with the reason. */
  readonly waiting: readonly { readonly name: string; readonly reason: string }[];
  /** How many entities this instance knows to be parked. */
  readonly parked: number;
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

/** Adds what one commit came to. */
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
