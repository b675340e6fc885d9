import type { PartitionOffset } from '../core/offset.ts';
import type { Decision } from './audit.ts';

export interface Quarantine {
  /** A page of the quarantine, sorted by topic, partition, offset and hash, beginning behind `after`. */
  readQuarantine(options: QuarantinePage): Promise<StoredQuarantine[]>;
  /**
   * Looks for the open records of a topic that have exactly this key. Goes through the first `lookMax` open records of the
   * topic, by partition and offset, without reading their values.
   */
  findOpenByKey(search: KeySearch): Promise<KeyFound>;
  /**
   * Settles the next `limit` open records that match as discarded, and adds that to the audit log, in one transaction.
   * Resolves with their number; if it is less than `limit`, no open record matches any more.
   */
  discardQuarantined(discard: QuarantineDiscard): Promise<number>;
}

/** A record that is no valid event, as ingest puts it into quarantine. */
export interface QuarantinedRecord extends PartitionOffset {
  /** A stable word for the reason, such as `json_invalid`. */
  readonly reason: string;
  /** What is wrong, in one sentence without the record's content. */
  readonly detail: string;
  readonly key: Uint8Array | null;
  /** The value, or its first bytes if it is over the size limit. */
  readonly value: Uint8Array | null;
  readonly valueLength: number;
  /** The SHA-256 of the whole value, in hexadecimal. */
  readonly valueHash: string;
  readonly headers: Uint8Array;
  readonly observedAtMs: number;
}

/**
 * A record as the store keeps it for ever. It is open until somebody settles it:
 *
 *   open --its bytes pass the decoder of a redrive--> redriven: its event is in the journal
 *   open --a person does not want it--> discarded
 */
export interface StoredQuarantine extends QuarantinedRecord {
  /** What became of the record; null while it is open. */
  readonly settlement: QuarantineSettlement | null;
}

export interface QuarantineSettlement extends Decision {
  readonly settledAs: 'redriven' | 'discarded';
}

/**
 * Identifies a quarantined record. The hash is part of it because a topic that was made again has other records at the
 * same offsets.
 */
export type QuarantineKey = PartitionOffset & Pick<QuarantinedRecord, 'valueHash'>;

/** Selects records. What is left out selects all. */
export interface QuarantineFilter {
  readonly topic?: string | undefined;
  readonly reason?: string | undefined;
  readonly partition?: number | undefined;
  /** Only records at this offset or behind it. */
  readonly fromOffset?: bigint | undefined;
  /** Only records before this offset. */
  readonly beforeOffset?: bigint | undefined;
  /** Only records that were put into quarantine at this moment or later, in milliseconds. */
  readonly sinceMs?: number | undefined;
  /** Only records that were put into quarantine before this moment, in milliseconds. */
  readonly beforeMs?: number | undefined;
}

export interface QuarantinePage extends QuarantineFilter {
  readonly after: QuarantineKey | null;
  readonly limit: number;
  /** Default: `open`. */
  readonly state?: 'open' | 'settled' | 'all' | undefined;
}

export interface KeySearch {
  readonly topic: string;
  readonly key: Uint8Array;
  readonly lookMax: number;
  readonly limit: number;
}

export interface KeyFound {
  /** At most `limit` records. */
  readonly records: readonly (PartitionOffset & Pick<QuarantinedRecord, 'reason'>)[];
  /** Whether the topic has more open records than were looked at. */
  readonly isMore: boolean;
}

export interface QuarantineDiscard extends Decision {
  readonly filter: QuarantineFilter;
  readonly limit: number;
}

/**
 * What a redrive does to quarantined records in the transaction that journals their events. A record that is not open
 * any more was settled by somebody else meanwhile.
 */
export interface QuarantineRedrive {
  /** The records whose events the journal has after the transaction. All of them have to be open. */
  readonly passed: readonly QuarantineKey[];
  readonly settlement: QuarantineSettlement;
  /** The records that are still refused, with the reason of today. Those that are not open any more stay as they are. */
  readonly refused: readonly QuarantineRefusal[];
}

export type QuarantineRefusal = QuarantineKey & Pick<QuarantinedRecord, 'reason' | 'detail'>;

export interface RefusedCounts {
  /** The counts of the open records by topic and reason, the largest first. */
  readonly quarantined: readonly QuarantineCount[];
  /** The number of dead deliveries of each target that has any. */
  readonly deadDeliveries: readonly { readonly target: string; readonly deliveries: number }[];
}

export interface QuarantineCount {
  readonly topic: string;
  readonly reason: string;
  readonly records: number;
}
