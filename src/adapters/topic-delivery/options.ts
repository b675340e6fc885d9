import type { Clock } from '../../ports/clock.ts';
import type { Delivery } from '../../ports/delivery-target.ts';
import type { EventLogProducer } from '../../ports/event-log.ts';
import type { Tracing } from '../../ports/tracing.ts';

export interface TopicTargetOptions {
  /** Names the target in the ledger and in messages. */
  readonly name: string;
  /** States are appended to this topic. It has to exist, and to be compacted, so that it keeps the latest state. */
  readonly topic: string;
  /**
   * Appends idempotently, and resolves when all required replicas have the records. It belongs to the family of all
   * instances' producers for this target, so that the end of an append is certain. The target closes it.
   */
  readonly producer: Pick<EventLogProducer, 'append' | 'close'>;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  /** The most states in one call. */
  readonly maxDeliveryBatch?: number;
  /**
   * `never`: every record has a value. `not_ready`: a state that does not qualify any more becomes a tombstone (no value,
   * the usual headers), so that compaction removes the entity from the topic. Default: `never`.
   */
  readonly tombstones?: 'never' | 'not_ready';
  /** Whether a state qualifies. It is asked for tombstones alone. */
  readonly isReady: (body: Delivery['body']) => boolean;
  /** The header `ce_source` of the records. */
  readonly source: string;
  /** The header `ce_type` of the records. */
  readonly type: string;
  /** Records a span for each append. Default: nobody records any. */
  readonly tracing?: Tracing;
}
