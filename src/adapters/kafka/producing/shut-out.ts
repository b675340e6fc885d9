import { TributaryError } from '../../../core/errors.ts';
import type { TopicPartition } from '../../../core/offset.ts';
import { fullJitterMs } from '../../../core/retry.ts';
import type { NewRecord, ProducerFamily } from '../../../ports/event-log.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { explain, KafkaCode, nameOfCode } from '../errors.ts';
import { produce } from '../wire/produce.ts';
import { encodeRecordBatch } from '../wire/record-batch-writer.ts';
import type { KnownTopics } from './known-topics.ts';

/*
 * How one producer shuts another out of a partition. A broker takes a producer's batches only in its latest epoch. An
 * idempotent producer without transactions raises its epoch by itself, by sending the next batch under it, with
 * sequence 0 (KIP-360). Ours always send in epoch 0; so whoever sends one batch under the other's id in epoch 1 has
 * shut it out: what the other still has under way is in the log already, or is refused for ever. Should a batch in
 * epoch 1 be there already, the broker refuses this one or calls it a duplicate, and that is as good.
 */

const shutOutEpoch = 1;
const retryBackoff = { baseMs: 50, capMs: 1_000 };
/** All of them say that the partition knows the other's epoch 1. */
const doneCodes: ReadonlySet<number> = new Set([
  KafkaCode.none,
  KafkaCode.outOfOrderSequence,
  KafkaCode.duplicateSequence,
  KafkaCode.invalidProducerEpoch,
]);

export interface Portion {
  readonly place: TopicPartition;
  readonly name: string;
  readonly records: readonly NewRecord[];
}

/** Shuts the other members of a family out of partitions, each once. */
export class ShutOuts {
  readonly #cluster: Cluster;
  readonly #topics: KnownTopics;
  readonly #family: ProducerFamily;
  readonly #done = new Set<string>();

  constructor(cluster: Cluster, topics: KnownTopics, family: ProducerFamily) {
    this.#cluster = cluster;
    this.#topics = topics;
    this.#family = family;
  }

  /** Appends the records of each partition once for each other member that was not shut out of it before. */
  async run(own: bigint, portions: readonly Portion[], deadlineMs: number): Promise<void> {
    const members = await this.#family.members();
    for (const member of members) {
      if (member === String(own)) continue;
      for (const portion of portions) {
        const key = `${member} ${portion.name}`;
        if (this.#done.has(key)) continue;
        await this.#shutOut(BigInt(member), portion, deadlineMs);
        this.#done.add(key);
      }
    }
  }

  async #shutOut(producerId: bigint, { place, name, records }: Portion, deadlineMs: number): Promise<void> {
    const { clock, requestTimeoutMs } = this.#cluster.options;
    const identity = { producerId, producerEpoch: shutOutEpoch, baseSequence: 0 };
    // The same bytes at every try: a try that was answered too late counts as this one.
    const bytes = encodeRecordBatch(records, clock.now(), identity);
    let problem = 'the partition has no leader';
    for (let attempt = 1; clock.monotonicMs() < deadlineMs; attempt++) {
      const leader = this.#topics.leaderOf(place);
      if (leader >= 0) {
        try {
          const connection = await this.#cluster.connect(leader, 'produce');
          const results = await produce(connection, Math.floor(requestTimeoutMs / 2), [
            { ...place, records: bytes },
          ]);
          const code = results.get(name)?.errorCode ?? KafkaCode.requestTimedOut;
          if (doneCodes.has(code)) return;
          problem = `Kafka answered ${nameOfCode(code)}`;
        } catch (error) {
          problem = explain(error);
        }
      }
      this.#topics.refresh();
      await clock.sleep(5 + fullJitterMs(retryBackoff, attempt, clock.random()));
    }
    throw new TributaryError(
      'log_append_failed',
      `Another producer could not be shut out of ${name}, so that nothing was appended: ${problem}`,
    );
  }
}
