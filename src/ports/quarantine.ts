import type { PartitionOffset } from '../core/offset.ts';

export interface QuarantineInspection {
  /** A page of the quarantine by topic, partition, offset and hash, beginning behind `after`. */
  readQuarantine(options: QuarantinePage): Promise<QuarantinedRecord[]>;
}

export interface QuarantinedRecord extends PartitionOffset {
  /** A stable word for the reason, e.g. `json_invalid`. */
  readonly reason: string;
  /** What is wrong, in one sentence, without the record's content. */
  readonly detail: string;
  readonly key: Uint8Array | null;
  /** The value, or its first bytes if it is over the size limit. */
  readonly value: Uint8Array | null;
  readonly valueLength: number;
  /** SHA-256 of the whole value, hexadecimal. */
  readonly valueHash: string;
  readonly headers: Uint8Array;
  readonly observedAtMs: number;
}

/** Tells quarantined records apart: a topic that was made again has the same offsets with other records. */
export type QuarantineKey = PartitionOffset & Pick<QuarantinedRecord, 'valueHash'>;

export interface QuarantinePage {
  readonly after: QuarantineKey | null;
  readonly limit: number;
  /** Only the records of this topic. */
  readonly topic?: string;
  /** Only the records with this reason. */
  readonly reason?: string;
}

export interface RefusedCounts {
  /** By topic and reason, the most frequent first. */
  readonly quarantined: readonly QuarantineCount[];
  /** Of each target that has any. */
  readonly deadDeliveries: readonly { readonly target: string; readonly deliveries: number }[];
}

export interface QuarantineCount {
  readonly topic: string;
  readonly reason: string;
  readonly records: number;
}
