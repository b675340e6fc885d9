import type { Domain } from '../../core/domain.ts';
import type { PartitionOffset } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Peek } from '../../ports/event-log.ts';
import type { EntityInspection } from '../../ports/store.ts';
import type { Decoder } from '../decode/decoder.ts';
import type { DueRules } from '../ingest/due.ts';

/** What the answers to questions about entities are worked out from. Nothing here writes to the store. */
export interface AskParts<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly store: EntityInspection;
  readonly clock: Pick<Clock, 'now'>;
  /** Null if the log is not asked. */
  readonly log: AskedLog | null;
  /** The rules that say which states are due to which target. */
  readonly due: DueRules;
  /** By the name that the domain gives a topic: its actual name. */
  readonly topicNames: Readonly<Record<string, string>>;
  /** The names of all targets. */
  readonly targets: readonly string[];
  /** An entity that waits for an event is stuck when its last event was journaled this long ago. */
  readonly stuckAfterMs: number;
  /** Entities with more events are not folded: only their last events and their rows are shown. */
  readonly maxEvents: number;
}

/** The log, asked in passing about partitions that stand still. */
export interface AskedLog {
  /** Looks at these partitions. Resolves with null if the log does not answer in a short time. */
  peek(from: readonly PartitionOffset[]): Promise<readonly Peek[] | null>;
}

/** The most events that the HTTP API folds for one answer, so that an answer never keeps ingest waiting for long. */
export const API_EVENTS_MAX = 10_000;
/** The most events that a command folds for one answer. All of them are in memory, without their bodies. */
export const COMMAND_EVENTS_MAX = 200_000;

/** The word for an entity of the domain in sentences. */
export function nounOf({ noun = 'entity' }: Pick<Domain<never, never>, 'noun'>): string {
  return noun;
}
