import { logDefect, TributaryError } from '../../core/errors.ts';
import { type Position, partitionName } from '../../core/offset.ts';
import { fullJitterMs } from '../../core/retry.ts';
import type {
  AppendOptions,
  EventLogProducer,
  NewRecord,
  ProducerFamily,
  ProducerOptions,
} from '../../ports/event-log.ts';
import { Cluster } from './cluster.ts';
import { explain, KafkaCode, nameOfCode } from './errors.ts';
import { KnownTopics, topicMissing } from './known-topics.ts';
import { partitionOfKey } from './murmur2.ts';
import type { KafkaSettings } from './options.ts';
import { type Append, type Batch, type Entry, PartitionQueue } from './partition-queue.ts';
import { initProducerId, type ProduceResult, type ProducerIdentity, produce } from './produce.ts';
import { ShutOuts } from './shut-out.ts';

/*
 * An idempotent producer: the broker knows each batch by the producer's id and a sequence number, and appends
 * it once however often it is sent. One request at a time goes to each broker, with one batch of every
 * partition that has something; what is appended meanwhile waits for the next one, so requests grow with the
 * load and nothing waits when there is none.
 *
 *   waiting -> head of its partition, sent -+-> answered: appended, at this offset
 *                    ^                      +-> no answer, or an error that passes: sent again, the same bytes
 *                    +----------------------+   until the delivery timeout: rejected, a new producer id
 *
 * As one of a family (see the port), it goes on past the timeout with a batch that may be in the log: the same bytes
 * again are a duplicate if it is, so the answer to them is the end of it. If another member shuts it out
 * (`shut-out.ts`), all that it holds is rejected, and it begins anew under another id.
 */

const retryBackoff = { baseMs: 50, capMs: 1_000 };
/** Who was shut out rejects everything for so long: what is handed over at that moment may be another's already. */
const rejoinAfterMs = 250;
const closeGraceMs = 1_000;
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
  readonly #topics: KnownTopics;
  readonly #queues = new Map<string, PartitionQueue>();
  readonly #open = new Set<Promise<unknown>>();
  readonly #busyLeaders = new Set<number>();
  readonly #closing = new AbortController();
  #identity: Promise<ProducerIdentity> | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isPumpDue = false;
  #keylessTurn = 0;
  #closed: Promise<void> | undefined;
  readonly #family: ProducerFamily | undefined;
  readonly #shutOuts: ShutOuts | undefined;
  #rejoinsAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: KafkaSettings, { family }: ProducerOptions = {}) {
    this.#settings = settings;
    this.#cluster = new Cluster(settings);
    this.#topics = new KnownTopics(this.#cluster);
    this.#family = family;
    if (family === undefined) return;
    this.#shutOuts = new ShutOuts(this.#cluster, this.#topics, family);
  }

  append(records: readonly NewRecord[], options: AppendOptions = {}): Promise<Position[]> {
    if (this.#closed !== undefined) {
      return Promise.reject(
        new TributaryError('log_append_failed', 'The producer is closed.', { retryable: false }),
      );
    }
    const appending = this.#append(records, options);
    this.#open.add(appending);
    const forget = (): void => void this.#open.delete(appending);
    appending.then(forget, forget);
    return appending;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** What a member of a family still has under way is left to those who shut it out. */
  async #close(): Promise<void> {
    const ended = Promise.allSettled(this.#open);
    if (this.#family === undefined) await ended;
    else await Promise.race([ended, this.#settings.clock.sleep(closeGraceMs, this.#closing.signal)]);
    this.#closing.abort();
    await this.#cluster.close();
    if (this.#open.size > 0 || this.#identity === undefined) return;
    const identity = await this.#identity.catch(() => undefined);
    if (identity !== undefined) await this.#family?.leave(String(identity.producerId)).catch(() => undefined);
  }

  async #append(records: readonly NewRecord[], { shutsOut = false }: AppendOptions): Promise<Position[]> {
    if (records.length === 0) return [];
    const { clock, deliveryTimeoutMs } = this.#settings;
    const deadlineMs = clock.monotonicMs() + deliveryTimeoutMs;
    const topics = new Set(records.map(({ topic }) => topic));
    await this.#topics.learn(topics, deadlineMs);

    if (clock.monotonicMs() < this.#rejoinsAtMs) throw shutOutError();
    const { promise, resolve, reject } = Promise.withResolvers<Position[]>();
    const append: Append = {
      positions: new Array(records.length),
      left: records.length,
      endsTogether: this.#family !== undefined,
      failure: undefined,
      deadlineMs,
      resolve,
      reject,
    };
    const keylessTurn = this.#keylessTurn++;
    const queuesByTopic = new Map<string, readonly PartitionQueue[]>();
    for (const topic of topics) queuesByTopic.set(topic, this.#queuesOf(topic));
    const entries = new Map<PartitionQueue, Entry[]>();
    for (let index = 0; index < records.length; index++) {
      const record = records[index] as NewRecord;
      const queues = queuesByTopic.get(record.topic) ?? [];
      const count = queues.length;
      const partition = record.key === null ? keylessTurn % count : partitionOfKey(record.key, count);
      const queue = queues[partition];
      if (queue === undefined) continue;
      const found = entries.get(queue);
      if (found === undefined) entries.set(queue, [{ record, append, index }]);
      else found.push({ record, append, index });
    }
    if (shutsOut) await this.#shutOutOthers(entries, deadlineMs);
    for (const [queue, some] of entries) queue.waiting.push(...some);
    this.#pumpSoon();
    return promise;
  }

  async #shutOutOthers(
    entries: ReadonlyMap<PartitionQueue, readonly Entry[]>,
    deadlineMs: number,
  ): Promise<void> {
    const { producerId } = await this.#identify();
    const portions = [...entries].map(([{ place, name }, some]) => ({
      place,
      name,
      records: some.map(({ record }) => record),
    }));
    await this.#shutOuts?.run(producerId, portions, deadlineMs);
    if (this.#settings.clock.monotonicMs() < this.#rejoinsAtMs) throw shutOutError();
  }

  /** By partition number, as many as the topic has now. */
  #queuesOf(topic: string): PartitionQueue[] {
    return Array.from({ length: this.#topics.partitionsOf(topic) }, (_, partition) => {
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

  /** Whether somebody relies on knowing what became of the batch at the queue's head. */
  #mustEnd({ head }: PartitionQueue): boolean {
    return this.#family !== undefined && head?.isAmbiguous === true;
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
        logDefect(this.#settings.log, 'the appending of records', error);
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
      Math.floor(0.8 * requestTimeoutMs),
      queues.map((queue) => ({ ...queue.place, records: batches.get(queue.name)?.bytes as Buffer })),
    );
    for (const queue of queues) {
      const result = results.get(queue.name);
      if (result === undefined)
        throw new TributaryError('log_append_failed', `Kafka left ${queue.name} out of its answer`);
      this.#settle(queue, batches.get(queue.name) as Batch, result);
    }
  }

  #identify(): Promise<ProducerIdentity> {
    const asked = this.#identity ?? this.#newIdentity();
    this.#identity = asked;
    asked.catch(() => {
      if (this.#identity === asked) this.#identity = undefined;
    });
    return asked;
  }

  async #newIdentity(): Promise<ProducerIdentity> {
    const identity = await initProducerId(this.#cluster);
    // Noted before anything is sent under it, so that whoever has to shut it out knows it.
    await this.#family?.join(String(identity.producerId));
    return identity;
  }

  /** Another member has taken over: nothing that waits here may be appended any more, in any partition. */
  #wasShutOut(): void {
    this.#rejoinsAtMs = this.#settings.clock.monotonicMs() + rejoinAfterMs;
    for (const queue of this.#queues.values()) {
      queue.failWaiting(shutOutError());
      // What may be in the log goes on, to its answer.
      if (!queue.isInFlight && queue.head !== undefined && !this.#mustEnd(queue))
        queue.failHead(shutOutError());
    }
    this.#forgetIdentity();
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
    if (errorCode === KafkaCode.invalidProducerEpoch && this.#family !== undefined) {
      queue.failHead(shutOutError());
      this.#wasShutOut();
    } else if (errorCode === KafkaCode.messageTooLarge || errorCode === KafkaCode.recordListTooLarge) {
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
    this.#topics.isGone(queue.topic).then(
      (isGone) => {
        if (!isGone || queue.isInFlight) return;
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
    this.#topics.refresh();
  }
}

function shutOutError(): TributaryError {
  return new TributaryError(
    'log_shut_out',
    'Nothing was appended: another instance took this one for dead, and goes on with what it had claimed.',
  );
}
