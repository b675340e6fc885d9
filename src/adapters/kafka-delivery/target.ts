import { messageOf } from '../../core/errors.ts';
import type {
  DeliveriesSettled,
  Delivery,
  DeliveryOutcome,
  DeliveryTarget,
} from '../../ports/delivery-target.ts';
import type { NewRecord } from '../../ports/event-log.ts';
import type { KafkaTargetOptions } from './options.ts';
import { recordOf } from './record.ts';
import { isTooLarge, verdictOf } from './verdict.ts';

/**
 * A target that takes states as the records of a topic, of Kafka or of the embedded log. `delivered` means
 * durable in the log. A call whose deadline is over counts as `retry`, while its records may still be appended:
 * readers take the highest version of an entity, as every target does.
 */
export function openKafkaTarget(options: KafkaTargetOptions): DeliveryTarget {
  return new KafkaTarget(options);
}

const DEADLINE_MS = 15_000;
const STATES_MAX = 500;

type AppendOutcome = { readonly error: unknown } | 'appended' | 'deadline' | 'stopped';

class KafkaTarget implements DeliveryTarget {
  readonly name: string;
  readonly maxBatch: number;
  readonly #options: KafkaTargetOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed: Promise<void> | null = null;

  constructor(options: KafkaTargetOptions) {
    this.#options = options;
    this.name = options.name;
    this.maxBatch = options.maxBatch ?? STATES_MAX;
  }

  deliver(deliveries: readonly Delivery[], signal: AbortSignal, settled: DeliveriesSettled): void {
    const delivering = this.#deliver(deliveries, signal);
    this.#underWay.add(delivering);
    void delivering.then((outcomes) => {
      this.#underWay.delete(delivering);
      settled(outcomes);
    });
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#underWay).then(() => this.#options.producer.close());
    return this.#closed;
  }

  async #deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryOutcome[]> {
    if (this.#closed !== null || signal.aborted) {
      const error = `Nothing was sent to ${this.name}: it is being closed or stopped.`;
      return deliveries.map(() => ({ ...UNANSWERED, error }));
    }
    const { clock, deadlineMs = DEADLINE_MS } = this.#options;
    const startedMs = clock.monotonicMs();
    const records = deliveries.map((delivery) => this.#record(delivery));
    const outcome = await this.#append(records, deadlineMs, signal);
    // Which record it was is not said, and the rest may or may not be there: each for itself says it all.
    if (records.length > 1 && typeof outcome === 'object' && isTooLarge(outcome.error)) {
      const leftMs = startedMs + deadlineMs - clock.monotonicMs();
      return Promise.all(
        records.map(async (record) =>
          this.#outcomeOf(await this.#append([record], leftMs, signal), startedMs),
        ),
      );
    }
    const one = this.#outcomeOf(outcome, startedMs);
    return deliveries.map(() => one);
  }

  #record(delivery: Delivery): NewRecord {
    const { topic, source, type, clock, tombstones = 'never', isReady } = this.#options;
    const isTombstone = tombstones === 'not_ready' && !isReady(delivery.body);
    return recordOf(delivery, { topic, source, type, nowMs: clock.now(), isTombstone });
  }

  /** The producer knows no deadline of ours: it may go on in the background, which is no harm. */
  async #append(
    records: readonly NewRecord[],
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<AppendOutcome> {
    const { producer, clock } = this.#options;
    const over = new AbortController();
    const stop = () => over.abort();
    signal.addEventListener('abort', stop);
    try {
      return await Promise.race([
        producer.append(records).then(
          () => 'appended' as const,
          (error: unknown) => ({ error }),
        ),
        clock
          .sleep(deadlineMs, over.signal)
          .then((): AppendOutcome => (signal.aborted ? 'stopped' : 'deadline')),
      ]);
    } finally {
      signal.removeEventListener('abort', stop);
      over.abort();
    }
  }

  #outcomeOf(outcome: AppendOutcome, startedMs: number): DeliveryOutcome {
    const { topic, clock, deadlineMs = DEADLINE_MS } = this.#options;
    const latencyMs = clock.monotonicMs() - startedMs;
    if (outcome === 'appended') return { ...UNANSWERED, verdict: 'delivered', latencyMs };
    if (outcome === 'stopped' || outcome === 'deadline') {
      const why = outcome === 'stopped' ? 'Stopped' : `Not durable within ${deadlineMs} ms`;
      const error = `${why}; whether topic ${topic} has the state is not known.`;
      return { ...UNANSWERED, latencyMs, error };
    }
    const error = `Topic ${topic}: ${messageOf(outcome.error)}`;
    return { ...UNANSWERED, verdict: verdictOf(outcome.error), latencyMs, error };
  }
}

/** A log gives no status and no text. */
const UNANSWERED: DeliveryOutcome = {
  verdict: 'retry',
  status: null,
  latencyMs: 0,
  answer: '',
  error: null,
  retryAfterMs: null,
};
