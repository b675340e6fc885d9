import type { Clock } from '../../ports/clock.ts';
import type { Delivery } from '../../ports/delivery-target.ts';
import type { EventLogProducer } from '../../ports/event-log.ts';

export interface TopicTargetOptions {
  /** Names the target in the ledger and in messages. */
  readonly name: string;
  /** Where the states go; compacted, so that it keeps the latest of each entity. It has to exist. */
  readonly topic: string;
  /**
   * Appends idempotently, and resolves once all replicas that have to have the records have them. A member of a family
   * of all instances' producers for this target, so that an append's end is certain. Closed with the target.
   */
  readonly producer: Pick<EventLogProducer, 'append' | 'close'>;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  /** The most states of one call. */
  readonly maxDeliveryBatch?: number;
  /**
   * `never`: every state is a value. `not_ready`: a state that does not qualify any more is a tombstone (no value,
   * the headers as ever), so that compaction removes the entity from the topic. `never` if it is left out.
   */
  readonly tombstones?: 'never' | 'not_ready';
  /** Whether a state qualifies; it decides about tombstones alone. */
  readonly isReady: (body: Delivery['body']) => boolean;
  /** `ce_source` of the records. */
  readonly source: string;
  /** `ce_type` of the records. */
  readonly type: string;
}
