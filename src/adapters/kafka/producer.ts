import { TributaryError } from '../../core/errors.ts';
import { type Position, partitionName } from '../../core/offset.ts';
import { fullJitterMs } from '../../core/retry.ts';
import type { EventLogProducer, NewRecord } from '../../ports/event-log.ts';
import { Cluster, type TopicMetadata } from './cluster.ts';
import { explain, KafkaCode, nameOfCode } from './errors.ts';
import { partitionOfKey } from './murmur2.ts';
import type { KafkaSettings } from './options.ts';
import { type Append, type Batch, PartitionQueue } from './partition-queue.ts';
import { initProducerId, type ProduceResult, type ProducerIdentity, produce } from './produce.ts';

/*
 * An idempotent producer: the broker knows each batch by the producer's id and a sequence number, and appends
 * it once however often it is sent. One request at a time goes to each broker, with one batch of every
 * partition that has something; what is appended meanwhile waits for the next one, so requests grow with the
 * load and nothing waits when there is none.
 *
 *   waiting -> head of its partition, sent -+-> answered: appended, at this offset
 *                    ^                      +-> no answer, or an error that passes: sent again, the same bytes
 *                    +----------------------+   until the delivery timeout: rejected, a new producer id
 */

const retryBackoff = { baseMs: 50, capMs: 1_000 };
const largestRequestBytes = 16 * 1024 * 1024;
const passingCodes: ReadonlySet<number> = new Set([
  KafkaCode.unknownTopicOrPartition,
  KafkaCode.leaderNotAvailable,
  KafkaCode.notLeaderOrFollower,
  KafkaCode.requestTimedOut,
  KafkaCode.notEnoughReplicas,
  KafkaCode.notEnoughReplicasAfterAppend,
  KafkaCode.storageError,
]);
/** After these the broker may have appended the batch. */
const ambiguousCodes: ReadonlySet<number> = new Set([
  KafkaCode.requestTimedOut,
  KafkaCode.notEnoughReplicasAfterAppend,
]);
/** The broker does not know the producer (any more), or counts otherwise. */
const identityCodes: ReadonlySet<number> = new Set([
  KafkaCode.outOfOrderSequence,
  KafkaCode.invalidProducerEpoch,
  KafkaCode.unknownProducerId,
]);

export class KafkaProducer implements EventLogProducer {
  readonly #settings: KafkaSettings;
  readonly #cluster: Cluster;
  readonly #queues = new Map<string, PartitionQueue>();
  readonly #open = new Set<Promise<unknown>>();
  readonly #busyLeaders = new Set<number>();
  readonly #closing = new AbortController();
  #topics = new Map<string, TopicMetadata>();
  #topicsAtMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  #identity: Promise<ProducerIdentity> | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isPumpDue = false;
  #keylessTurn = 0;
  #closed: Promise<void> | undefined;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
    this.#cluster = new Cluster(settings);
  }

  append(records: readonly NewRecord[]): Promise<Position[]> {
    if (this.#closed !== undefined) {
      return Promise.reject(
        new TributaryError('log_append_failed', 'The producer is closed.', { retryable: false }),
      );
    }
    const appending = this.#append(records);
    this.#open.add(appending);
    const forget = (): void => void this.#open.delete(appending);
    appending.then(forget, forget);
    return appending;
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#open).then(() => {
      this.#closing.abort();
      return this.#cluster.close();
    });
    return this.#closed;
  }

  async #append(records: readonly NewRecord[]): Promise<Position[]> {
    if (records.length === 0) return [];
    const { clock, deliveryTimeoutMs, metadataRefreshMs } = this.#settings;
    const deadlineMs = clock.monotonicMs() + deliveryTimeoutMs;
    const topics = new Set(records.map(({ topic }) => topic));
    if ([...topics].some((topic) => !this.#topics.has(topic))) await this.#learnTopics(topics, deadlineMs);
    else if (clock.monotonicMs() - this.#topicsAtMs > metadataRefreshMs) this.#refresh();

    const { promise, resolve, reject } = Promise.withResolvers<Position[]>();
    const append: Append = {
      positions: new Array(records.length),
      left: records.length,
      deadlineMs,
      resolve,
      reject,
    };
    const keylessTurn = this.#keylessTurn++;
    const queuesByTopic = new Map<string, readonly PartitionQueue[]>();
    for (const topic of topics) queuesByTopic.set(topic, this.#queuesOf(topic));
    for (let index = 0; index < records.length; index++) {
      const record = records[index] as NewRecord;
      const queues = queuesByTopic.get(record.topic) ?? [];
      const count = queues.length;
      const partition = record.key === null ? keylessTurn % count : partitionOfKey(record.key, count);
      queues[partition]?.waiting.push({ record, append, index });
    }
    this.#pumpSoon();
    return promise;
  }

  /** By partition number, as many as the topic has now. */
  #queuesOf(topic: string): PartitionQueue[] {
    const count = Math.max(1, this.#topics.get(topic)?.partitions.length ?? 1);
    return Array.from({ length: count }, (_, partition) => {
      const name = partitionName({ topic, partition });
      const queue =
        this.#queues.get(name) ?? new PartitionQueue({ topic, partition }, this.#settings.produceBatchBytes);
      this.#queues.set(name, queue);
      return queue;
    });
  }

  /** Appends of the same turn of the event loop go out together. */
  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    const now = this.#settings.clock.monotonicMs();
    const byLeader = new Map<number, PartitionQueue[]>();
    let retryAtMs = Number.POSITIVE_INFINITY;
    for (const queue of this.#queues.values()) {
      if (!queue.hasWork()) continue;
      if (queue.firstDeadlineMs() <= now) {
        if (!queue.isInFlight) this.#giveUp(queue, queue.lastProblem ?? 'the delivery timeout has passed');
        if (!queue.hasWork()) continue;
      }
      if (queue.isInFlight) continue;
      const leader = this.#topics.get(queue.topic)?.partitions[queue.partition]?.leader ?? -1;
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

  #pumpAgainAt(retryAtMs: number, now: number): void {
    if (retryAtMs >= this.#timerAtMs) return;
    this.#timerAtMs = retryAtMs;
    this.#settings.clock.sleep(retryAtMs - now, this.#closing.signal).then(() => {
      if (this.#timerAtMs === retryAtMs) this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }

  #send(leader: number, queues: readonly PartitionQueue[]): void {
    const sent: PartitionQueue[] = [];
    let bytes = 0;
    for (const queue of queues) {
      if (bytes >= largestRequestBytes) break;
      bytes += queue.head?.bytes?.length ?? queue.batchBytes;
      queue.isInFlight = true;
      sent.push(queue);
    }
    this.#busyLeaders.add(leader);
    this.#request(leader, sent)
      .catch((error: unknown) => {
        // Whether the broker got the batches is not known: the same bytes again can do no harm.
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
    const { clock, requestTimeoutMs } = this.#settings;
    const identity = await this.#identify();
    const connection = await this.#cluster.connect(leader, 'produce');
    const batches = new Map<string, Batch>();
    for (const queue of queues) batches.set(queue.name, queue.encodeHead(identity, clock.now()));
    const results = await produce(
      connection,
      Math.floor(requestTimeoutMs / 2),
      queues.map((queue) => ({ ...queue.place, records: batches.get(queue.name)?.bytes as Buffer })),
    );
    for (const queue of queues) {
      const result = results.get(queue.name);
      if (result === undefined) throw new Error(`Kafka left ${queue.name} out of its answer`);
      this.#settle(queue, batches.get(queue.name) as Batch, result);
    }
  }

  #identify(): Promise<ProducerIdentity> {
    const asked = this.#identity ?? initProducerId(this.#cluster);
    this.#identity = asked;
    asked.catch(() => {
      if (this.#identity === asked) this.#identity = undefined;
    });
    return asked;
  }

  /** From now on batches are counted anew, under another producer id; those sent before keep theirs. */
  #forgetIdentity(): void {
    this.#identity = undefined;
    for (const queue of this.#queues.values()) queue.nextSequence = 0;
  }

  #settle(queue: PartitionQueue, batch: Batch, result: ProduceResult): void {
    const { errorCode, baseOffset } = result;
    if (errorCode === KafkaCode.none) {
      queue.succeed(batch, baseOffset);
      return;
    }
    const problem = `Kafka answered ${nameOfCode(errorCode)}${result.message === null ? '' : `: ${result.message}`}`;
    if (errorCode === KafkaCode.messageTooLarge || errorCode === KafkaCode.recordListTooLarge) {
      this.#shrink(queue, batch, problem);
    } else if (passingCodes.has(errorCode)) {
      batch.isAmbiguous ||= ambiguousCodes.has(errorCode);
      this.#retryLater(queue, problem);
      if (errorCode === KafkaCode.unknownTopicOrPartition) this.#rejectIfMissing(queue);
    } else if (identityCodes.has(errorCode) && !batch.isAmbiguous) {
      this.#forgetIdentity();
      batch.bytes = undefined;
      this.#retryLater(queue, problem);
    } else {
      this.#giveUp(queue, problem);
    }
  }

  /** A batch that is too large was not appended: its records go in smaller ones. */
  #shrink(queue: PartitionQueue, batch: Batch, problem: string): void {
    if (batch.entries.length > 1) {
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
    this.#settings.log('warn', `Records for ${queue.name} were given up: ${problem}`, {
      partition: queue.name,
    });
    const isUnclear = queue.head?.isAmbiguous ?? false;
    const whether = isUnclear ? 'may or may not be in the log' : 'are not in the log';
    const detail = `Records for ${queue.name} could not be appended and ${whether}: ${problem}`;
    queue.failHead(new TributaryError('log_append_failed', detail));
    this.#forgetIdentity();
  }

  #rejectIfMissing(queue: PartitionQueue): void {
    this.#cluster.topics([queue.topic]).then(
      (topics) => {
        if (topics.has(queue.topic) || queue.isInFlight) return;
        this.#topics.delete(queue.topic);
        queue.failHead(topicMissing(queue.topic));
      },
      () => {},
    );
  }

  #retryLater(queue: PartitionQueue, problem: string): void {
    const { clock, log } = this.#settings;
    if (queue.lastProblem !== problem) log('warn', `Records for ${queue.name} wait: ${problem}`);
    queue.lastProblem = problem;
    queue.failures++;
    queue.retryAtMs = clock.monotonicMs() + 5 + fullJitterMs(retryBackoff, queue.failures, clock.random());
    this.#refresh();
  }

  async #learnTopics(wanted: ReadonlySet<string>, deadlineMs: number): Promise<void> {
    const { clock } = this.#settings;
    for (let attempt = 1; ; attempt++) {
      try {
        const found = await this.#cluster.topics([...wanted]);
        for (const topic of wanted) if (!found.has(topic)) throw topicMissing(topic);
        for (const [name, topic] of found) this.#topics.set(name, topic);
        return;
      } catch (error) {
        if (error instanceof TributaryError && error.code === 'topic_missing') throw error;
        if (clock.monotonicMs() >= deadlineMs) {
          throw new TributaryError('log_append_failed', `Nothing was appended: ${explain(error)}`, {
            cause: error,
          });
        }
        await clock.sleep(20 + fullJitterMs(retryBackoff, attempt, clock.random()));
      }
    }
  }

  /** Looks at the known topics again: leaders move and partitions are added. */
  #refresh(): void {
    this.#refreshing ??= this.#cluster
      .topics([...this.#topics.keys()])
      .then(
        (found) => {
          for (const [name, topic] of found) this.#topics.set(name, topic);
          this.#topicsAtMs = this.#settings.clock.monotonicMs();
        },
        (error: unknown) => this.#settings.log('debug', explain(error)),
      )
      .finally(() => {
        this.#refreshing = undefined;
      });
  }
}

function topicMissing(topic: string): TributaryError {
  return new TributaryError(
    'topic_missing',
    `Kafka has no topic ${topic}. Make it, or correct the topic's name.`,
  );
}
