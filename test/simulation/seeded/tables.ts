import type { ViewRow } from '../../../src/core/domain.ts';
import type { TopicPartition } from '../../../src/core/offset.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';

/** What stands in the store, read past every promise of its port. */
export interface StoreTables {
  checkpoints(): Iterable<TableCheckpoint>;
  /** The bodies of an entity's events. */
  journal(entityId: string): readonly string[];
  row(entityId: string): { readonly row: ViewRow; readonly version: number } | null;
  ledger(target: string, entityId: string): TableDelivery | null;
  /** Whether this record is in quarantine, and open. */
  isQuarantined(place: TopicPartition, record: QuarantinePlace): boolean;
  isParked(entityId: string): boolean;
  totals(): TableTotals;
  /** The number of decisions about partitions that were ever recorded, and those behind a number. */
  decisions(): number;
  decisionsBehind(number: number): Iterable<TopicPartition>;
}

/** The offset and the bytes of a record. After an election, an offset may have had two records. */
export type QuarantinePlace = Pick<LogRecord, 'offset' | 'value'>;

export interface TableCheckpoint extends TopicPartition {
  readonly nextOffset: bigint;
  readonly epoch: bigint;
  readonly haltReason: string | null;
}

export interface TableDelivery {
  readonly dueVersion: number;
  readonly deliveredVersion: number | null;
  readonly status: string;
}

export interface TableTotals {
  readonly journaled: number;
  readonly rows: number;
  readonly quarantined: number;
  readonly parked: number;
}
