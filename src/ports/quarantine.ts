import type { PartitionOffset } from '../core/offset.ts';

export interface QuarantineInspection {
  /** A page of the quarantine, sorted by topic, partition, offset and hash, beginning behind `after`. */
  readQuarantine(options: QuarantinePage): Promise<QuarantinedRecord[]>;
}

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
 * Identifies a quarantined record. The hash is part of it because a topic that was made again has other records at the
 * same offsets.
 */
export type QuarantineKey = PartitionOffset & Pick<QuarantinedRecord, 'valueHash'>;

export interface QuarantinePage {
  readonly after: QuarantineKey | null;
  readonly limit: number;
  /** Only records of this topic. */
  readonly topic?: string;
  /** Only records with this reason. */
  readonly reason?: string;
}

export interface RefusedCounts {
  /** The counts by topic and reason, the largest first. */
  readonly quarantined: readonly QuarantineCount[];
  /** The number of dead deliveries of each target that has any. */
  readonly deadDeliveries: readonly { readonly target: string; readonly deliveries: number }[];
}

export interface QuarantineCount {
  readonly topic: string;
  readonly reason: string;
  readonly records: number;
}
