import { logDefect, TributaryError } from '../../../core/errors.ts';
import { partitionName } from '../../../core/offset.ts';
import { fullJitterMs } from '../../../core/retry.ts';
import { type Cluster, failuresUntilAskingOthers } from '../cluster/cluster.ts';
import { explain, KafkaCode, nameOfCode } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { type ProduceResult, produce } from '../wire/produce.ts';
import { type KnownTopics, topicMissing } from './known-topics.ts';
import { PartitionQueue, type PendingRecordBatch } from './partition-queue.ts';
import { mayBeAppended, verdictOf } from './produce-verdict.ts';
import type { OwnIdentity } from './producer-identity.ts';

/*
 * Sends the records of the partition queues. One request at a time goes to each broker, with one record batch of
 * every partition that has records. Records that arrive meanwhile wait for the next request: so requests grow with
 * the load, and records are sent at once when there is none.
 *
 *   waiting -> head of its partition, sent -+-> answered: appended, at this offset
 *                    ^                      +-> no answer, or an error that passes: sent again, the same bytes
 *                    +----------------------+   until the delivery timeout: rejected, a new producer id
 *
 * A producer of a family (see the port) goes on past the timeout with a record batch that may be in the log. If it is
 * there, the same bytes are a duplicate, and the broker's answer to them settles the append. If another member shuts
 * this producer out (`shut-out.ts`), it rejects all records that it holds, and begins anew under another producer id.
 */

const retryBackoff = { baseMs: 50, capMs: 1_000 };
/** Added to every wait before a retry. */
const leastRetryMs = 5;
/**
 * A producer that was shut out rejects every append for 250 ms, because another instance may already deliver what its
 * caller appends at that moment.
 */
const rejoinAfterMs = 250;
const largestRequestBytes = 16 * 1024 * 1024;

export interface SenderParts {
  readonly options: ResolvedOptions;
  readonly cluster: Cluster;
  readonly topics: KnownTopics;
  readonly identity: OwnIdentity;
  readonly isOfFamily: boolean;
  readonly closing: AbortSignal;
}

export class Sender {
  readonly #options: ResolvedOptions;
  readonly #cluster: Cluster;
  readonly #topics: KnownTopics;
  readonly #identity: OwnIdentity;
  readonly #isOfFamily: boolean;
  readonly #closing: AbortSignal;
  readonly #queues = new Map<string, PartitionQueue>();
  /** The brokers with a request in flight. */
  readonly #busyLeaders = new Set<number>();
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isPumpDue = false;
  #rejoinsAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: SenderParts) {
    this.#options = parts.options;
    this.#cluster = parts.cluster;
    this.#topics = parts.topics;
    this.#identity = parts.identity;
    this.#isOfFamily = parts.isOfFamily;
    this.#closing = parts.closing;
  }

  /** Throws `log_shut_out` if the producer was shut out a moment ago. */
  refuseIfShutOut(): void {
    if (this.#options.clock.monotonicMs() < this.#rejoinsAtMs) throw shutOutError();
  }

  /** The queues of the topic's partitions, by partition number. */
  queuesOf(topic: string): PartitionQueue[] {
    return Array.from({ length: this.#topics.partitionsOf(topic) }, (_, partition) => {
      const name = partitionName({ topic, partition });
      const queue =
        this.#queues.get(name) ??
        new PartitionQueue({ topic, partition }, this.#options.produceRecordBatchBytes);
      this.#queues.set(name, queue);
      return queue;
    });
  }

  /** Sends at the end of this turn of the event loop, so that the appends of one turn go out together. */
  pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#closing.aborted) {
      this.#end();
      return;
    }
    const now = this.#options.clock.monotonicMs();
    const byLeader = new Map<number, PartitionQueue[]>();
    let retryAtMs = Number.POSITIVE_INFINITY;
    for (const queue of this.#queues.values()) {
      if (!queue.hasWork()) continue;
      if (queue.firstDeadlineMs() <= now) {
        if (!queue.isInFlight && !this.#mustEnd(queue))
          this.#giveUp(queue, queue.lastProblem ?? 'the delivery timeout has passed');
        if (!queue.hasWork()) continue;
      }
      if (queue.isInFlight) continue;
      const leader = this.#topics.leaderOf(queue.place);
      if (queue.retryAtMs <= now && leader < 0) this.#retryLater(queue, 'the partition has no leader');
      if (queue.retryAtMs > now) retryAtMs = Math.min(retryAtMs, queue.retryAtMs);
      else if (!this.#busyLeaders.has(leader)) {
        const led = byLeader.get(leader);
        if (led === undefined) byLeader.set(leader, [queue]);
        else led.push(queue);
      }
    }
    for (const [leader, queues] of byLeader) this.#send(leader, queues);
    this.#pumpAgainAt(retryAtMs, now);
  }

  /** The producer is closed: rejects the records that are not in the log. An append that may be in it stays open. */
  #end(): void {
    const error = new TributaryError(
      'log_append_failed',
      'The records were not appended: the producer is closed.',
      { retryable: false },
    );
    for (const queue of this.#queues.values()) {
      if (queue.isInFlight) continue;
      queue.failWaiting(error);
      if (queue.head !== undefined && !this.#mustEnd(queue)) queue.failHead(error);
    }
  }

  /** Whether a family relies on knowing what became of the record batch at the queue's head. */
  #mustEnd({ head }: PartitionQueue): boolean {
    return this.#isOfFamily && head?.isAmbiguous === true;
  }

  #pumpAgainAt(retryAtMs: number, now: number): void {
    if (retryAtMs >= this.#timerAtMs) return;
    this.#timerAtMs = retryAtMs;
    this.#options.clock.sleep(retryAtMs - now, this.#closing).then(() => {
      if (this.#timerAtMs === retryAtMs) this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }

  #send(leader: number, queues: readonly PartitionQueue[]): void {
    const sent: PartitionQueue[] = [];
    let bytes = 0;
    for (const queue of queues) {
      if (bytes >= largestRequestBytes) break;
      bytes += queue.head?.bytes?.length ?? queue.recordBatchBytes;
      queue.isInFlight = true;
      sent.push(queue);
    }
    this.#busyLeaders.add(leader);
    this.#request(leader, sent)
      .catch((error: unknown) => {
        logDefect(this.#options.logger, 'the appending of records', error);
        // The broker may have appended the record batches. Sending the same bytes again does no harm.
        for (const queue of sent) {
          if (queue.head?.bytes !== undefined) queue.head.isAmbiguous = true;
          this.#retryLater(queue, explain(error));
        }
      })
      .finally(() => {
        this.#busyLeaders.delete(leader);
        for (const queue of sent) queue.isInFlight = false;
        this.#pump();
      });
  }

  async #request(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    const { clock, requestTimeoutMs } = this.#options;
    const identity = await this.#identity.get();
    const connection = await this.#cluster.connect(leader, 'produce');
    const sent = new Map<string, PendingRecordBatch>();
    for (const queue of queues) sent.set(queue.name, queue.encodeHead(identity, clock.now()));
    const results = await produce(
      connection,
      Math.floor(0.8 * requestTimeoutMs),
      queues.map((queue) => ({ ...queue.place, records: sent.get(queue.name)?.bytes as Buffer })),
    );
    for (const queue of queues) {
      const result = results.get(queue.name);
      if (result === undefined)
        throw new TributaryError('log_append_failed', `Kafka left ${queue.name} out of its answer`);
      this.#settle(queue, sent.get(queue.name) as PendingRecordBatch, result);
    }
  }

  #settle(queue: PartitionQueue, pending: PendingRecordBatch, result: ProduceResult): void {
    const { errorCode, baseOffset } = result;
    const problem = `Kafka answered ${nameOfCode(errorCode)}${result.message === null ? '' : `: ${result.message}`}`;
    const verdict = verdictOf(errorCode, {
      isOfFamily: this.#isOfFamily,
      isAmbiguous: pending.isAmbiguous,
    });
    pending.isAmbiguous ||= mayBeAppended(errorCode);
    switch (verdict) {
      case 'appended':
        queue.succeed(pending, baseOffset);
        break;
      case 'shut_out':
        queue.failHead(shutOutError());
        this.#wasShutOut();
        break;
      case 'too_large':
        this.#shrink(queue, pending, problem);
        break;
      case 'retry':
        this.#retryLater(queue, problem);
        if (errorCode === KafkaCode.unknownTopicOrPartition) this.#rejectIfMissing(queue);
        break;
      case 'new_identity':
        this.#forgetIdentity();
        pending.bytes = undefined;
        this.#retryLater(queue, problem);
        break;
      case 'failed':
        this.#giveUp(queue, problem);
    }
  }

  /** Another member has taken over: rejects all records that are not in the log yet, of every partition. */
  #wasShutOut(): void {
    this.#rejoinsAtMs = this.#options.clock.monotonicMs() + rejoinAfterMs;
    for (const queue of this.#queues.values()) {
      queue.failWaiting(shutOutError());
      // A record batch that may be in the log is sent again until the broker answers.
      if (!queue.isInFlight && queue.head !== undefined && !this.#mustEnd(queue))
        queue.failHead(shutOutError());
    }
    this.#forgetIdentity();
  }

  /**
   * New record batches are numbered from 0 under another producer id. Those that were sent keep their id and number.
   */
  #forgetIdentity(): void {
    this.#identity.forget();
    for (const queue of this.#queues.values()) queue.nextSequence = 0;
  }

  /** Sends the records in smaller record batches. A single record that is too large is rejected. */
  #shrink(queue: PartitionQueue, pending: PendingRecordBatch, problem: string): void {
    if (pending.entries.length > 1) {
      queue.splitHead();
      return;
    }
    const detail = `A record for ${queue.name} is too large for Kafka. ${problem}`;
    queue.failHead(
      new TributaryError(
        'log_record_too_large',
        `${detail} Raise the topic's max.message.bytes, or send less.`,
      ),
    );
  }

  #giveUp(queue: PartitionQueue, problem: string): void {
    this.#options.logger('warn', `Records for ${queue.name} were given up: ${problem}`, {
      partition: queue.name,
    });
    const isUnclear = queue.head?.isAmbiguous ?? false;
    const whether = isUnclear ? 'may or may not be in the log' : 'are not in the log';
    const detail = `Records for ${queue.name} could not be appended and ${whether}: ${problem}`;
    queue.failHead(new TributaryError('log_append_failed', detail));
    this.#forgetIdentity();
  }

  #rejectIfMissing(queue: PartitionQueue): void {
    this.#topics.isGone(queue.topic).then(
      (isGone) => {
        if (!isGone || queue.isInFlight) return;
        queue.failHead(topicMissing(queue.topic));
      },
      () => {},
    );
  }

  #retryLater(queue: PartitionQueue, problem: string): void {
    const { clock, logger } = this.#options;
    if (queue.lastProblem !== problem) logger('warn', `Records for ${queue.name} wait: ${problem}`);
    queue.lastProblem = problem;
    queue.failures++;
    const waitMs = fullJitterMs(retryBackoff, queue.failures, clock.random());
    queue.retryAtMs = clock.monotonicMs() + leastRetryMs + waitMs;
    if (queue.failures > failuresUntilAskingOthers) this.#cluster.askOthers();
    this.#topics.refresh();
  }
}

function shutOutError(): TributaryError {
  return new TributaryError(
    'log_shut_out',
    'Nothing was appended: another instance took this one for dead, and has taken over its work.',
  );
}
