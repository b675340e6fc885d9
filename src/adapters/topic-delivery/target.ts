import { isProgramError, messageOf, TributaryError } from '../../core/errors.ts';
import type { TraceContext } from '../../core/trace-context.ts';
import {
  type DeliveriesSettled,
  type Delivery,
  type DeliveryOutcome,
  type DeliveryTarget,
  defectOutcome,
} from '../../ports/delivery-target.ts';
import type { NewRecord } from '../../ports/event-log.ts';
import { beginAppend } from './append-spans.ts';
import type { TopicTargetOptions } from './options.ts';
import { recordOf } from './record.ts';
import { isTooLarge, verdictOf } from './verdict.ts';

/**
 * A target that takes states as the records of a topic, of Kafka or of the embedded log. `delivered` means durable in the
 * log. A call ends only when it is certain what became of its records: if a later state were appended before an earlier
 * one, compaction would remove the later one. A call that a stop cuts off has the outcome `unknown`. The instance that
 * claims its states next shuts this producer out before it appends anything.
 */
export function openTopicTarget(options: TopicTargetOptions): DeliveryTarget {
  return new TopicTarget(options);
}

const STATES_MAX = 500;

type AppendOutcome = { readonly error: unknown } | 'appended' | 'stopped';

class TopicTarget implements DeliveryTarget {
  readonly name: string;
  readonly maxDeliveryBatch: number;
  readonly isSlowToEnd = true;
  readonly #options: TopicTargetOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed: Promise<void> | null = null;

  constructor(options: TopicTargetOptions) {
    this.#options = options;
    this.name = options.name;
    this.maxDeliveryBatch = options.maxDeliveryBatch ?? STATES_MAX;
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

  /** Never rejects. After a defect in a call with several states, each state is appended by itself. */
  async #deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryOutcome[]> {
    try {
      return await this.#deliverTogether(deliveries, signal);
    } catch (error) {
      if (deliveries.length === 1) return [defectOutcome(error)];
      const each = deliveries.map((delivery) => this.#deliver([delivery], signal));
      return (await Promise.all(each)).flat();
    }
  }

  async #deliverTogether(
    deliveries: readonly Delivery[],
    signal: AbortSignal,
  ): Promise<readonly DeliveryOutcome[]> {
    if (this.#closed !== null || signal.aborted) {
      const error = `Nothing was sent to ${this.name}: it is being closed or stopped.`;
      return deliveries.map(() => ({ ...UNANSWERED, error }));
    }
    const { clock } = this.#options;
    const shutsOut = deliveries.some(({ isTakeover }) => isTakeover === true);
    const startedMs = clock.monotonicMs();
    const trace = beginAppend(this.#options, deliveries);
    let outcome: AppendOutcome;
    let records: NewRecord[];
    try {
      records = deliveries.map((delivery) => this.#record(delivery, trace.traceOf(delivery)));
      outcome = await this.#append(records, shutsOut, signal);
    } catch (error) {
      trace.end('defect');
      throw error;
    }
    trace.end(errorTypeOf(outcome));
    // The log does not say which record it was, nor which of the others it has: each is appended by itself.
    const isOfOne =
      typeof outcome === 'object' && (isTooLarge(outcome.error) || isProgramError(outcome.error));
    if (records.length > 1 && isOfOne) {
      return Promise.all(
        records.map(async (record) =>
          this.#outcomeOf(await this.#append([record], shutsOut, signal), startedMs),
        ),
      );
    }
    const one = this.#outcomeOf(outcome, startedMs);
    return deliveries.map(() => one);
  }

  #record(delivery: Delivery, trace: TraceContext | undefined): NewRecord {
    const { topic, source, type, clock, tombstones = 'never', isReady } = this.#options;
    const isTombstone = tombstones === 'not_ready' && !isReady(delivery.body);
    return recordOf(delivery, { topic, source, type, nowMs: clock.now(), isTombstone, trace });
  }

  async #append(
    records: readonly NewRecord[],
    shutsOut: boolean,
    signal: AbortSignal,
  ): Promise<AppendOutcome> {
    const stopped = Promise.withResolvers<AppendOutcome>();
    const stop = () => stopped.resolve('stopped');
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      return await Promise.race([
        this.#options.producer.append(records, { shutsOut }).then(
          () => 'appended' as const,
          (error: unknown) => ({ error }),
        ),
        stopped.promise,
      ]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #outcomeOf(outcome: AppendOutcome, startedMs: number): DeliveryOutcome {
    const { topic, clock } = this.#options;
    const latencyMs = clock.monotonicMs() - startedMs;
    if (outcome === 'appended') return { ...UNANSWERED, verdict: 'delivered', latencyMs };
    if (outcome === 'stopped') {
      const error = `Stopped; whether topic ${topic} has the state, or will have it, is not known.`;
      return { ...UNANSWERED, verdict: 'unknown', latencyMs, error };
    }
    if (isProgramError(outcome.error)) return defectOutcome(outcome.error, latencyMs);
    const error = `Topic ${topic}: ${messageOf(outcome.error)}`;
    return { ...UNANSWERED, verdict: verdictOf(outcome.error), latencyMs, error };
  }
}

/** The attribute `error.type` of the span of an append. */
function errorTypeOf(outcome: AppendOutcome): string | null {
  if (outcome === 'appended') return null;
  if (outcome === 'stopped') return 'stopped';
  return outcome.error instanceof TributaryError ? outcome.error.code : 'defect';
}

/** The log answers with no status and no text. */
const UNANSWERED: DeliveryOutcome = {
  verdict: 'retry',
  status: null,
  latencyMs: 0,
  answer: '',
  error: null,
  retryAfterMs: null,
};
