import { DefectError } from '../core/errors.ts';
import { partitionName, type TopicPartition } from '../core/offset.ts';
import type { Decision } from './audit.ts';

/**
 * A part of the pipeline that an operator can pause. `ingest` stands for all partitions of all topics. A partition rests
 * while it, its topic, or all of ingest is on hold.
 */
export type HoldPart =
  | { readonly kind: 'ingest' }
  | { readonly kind: 'topic'; readonly topic: string }
  | ({ readonly kind: 'partition' } & TopicPartition)
  | { readonly kind: 'target'; readonly target: string };

/** An operator's decision that a part rests until the hold is released. */
export interface Hold {
  readonly part: HoldPart;
  readonly heldBy: string;
  readonly reason: string;
  readonly heldAtMs: number;
}

/** Keeps the holds, for all instances and across restarts. */
export interface Holds {
  /** All holds, the oldest first. Holds of the same millisecond come in any sequence. */
  listHolds(): Promise<Hold[]>;
  /**
   * Puts the part on hold, and adds the decision to the audit log. Changes nothing and resolves with false if the part is
   * on hold already.
   */
  hold(part: HoldPart, decision: Decision): Promise<boolean>;
  /**
   * Ends the hold of exactly this part, and adds the decision to the audit log. Changes nothing and resolves with false
   * if the part is not on hold.
   */
  release(part: HoldPart, decision: Decision): Promise<boolean>;
}

/** The name of a part for messages and the audit log, as in `partition order_events/3`. No two parts share a name. */
export function partName(part: HoldPart): string {
  switch (part.kind) {
    case 'ingest':
      return 'all ingest';
    case 'topic':
      return `topic ${part.topic}`;
    case 'partition':
      return `partition ${partitionName(part)}`;
    case 'target':
      return `target ${part.target}`;
  }
}

/** The columns by which stores keep a part. `name` is empty, and `partition` is -1, where a part has none. */
export type PartKey = readonly [kind: string, name: string, partition: number];

export function keyOfPart(part: HoldPart): PartKey {
  switch (part.kind) {
    case 'ingest':
      return [part.kind, '', -1];
    case 'topic':
      return [part.kind, part.topic, -1];
    case 'partition':
      return [part.kind, part.topic, part.partition];
    case 'target':
      return [part.kind, part.target, -1];
  }
}

export function partOfKey(...[kind, name, partition]: PartKey): HoldPart {
  switch (kind) {
    case 'ingest':
      return { kind };
    case 'topic':
      return { kind, topic: name };
    case 'partition':
      return { kind, topic: name, partition };
    case 'target':
      return { kind, target: name };
    default:
      throw new DefectError('A hold is of a kind that its table does not allow.');
  }
}

/** The hold that keeps the part from working: its own, or that of a larger part. Null if nothing does. */
export function holdOver(part: HoldPart, holds: readonly Hold[]): Hold | null {
  return holds.find((hold) => covers(hold.part, part)) ?? null;
}

function covers(larger: HoldPart, part: HoldPart): boolean {
  if (partName(larger) === partName(part)) return true;
  if (part.kind === 'target') return false;
  if (larger.kind === 'ingest') return true;
  return larger.kind === 'topic' && part.kind === 'partition' && larger.topic === part.topic;
}
