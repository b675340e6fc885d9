import { TributaryError } from '../../../core/errors.ts';
import type { TopicPartition } from '../../../core/offset.ts';
import { fullJitterMs } from '../../../core/retry.ts';
import type { NewRecord, ProducerFamily } from '../../../ports/event-log.ts';
import { type Cluster, failuresUntilAskingOthers } from '../cluster/cluster.ts';
import { explain, KafkaCode, nameOfCode } from '../errors.ts';
import { produce } from '../wire/produce.ts';
import { encodeRecordBatch } from '../wire/record-batch-writer.ts';
import type { KnownTopics } from './known-topics.ts';

/*
 * One producer shuts another one out of a partition by raising its epoch there. A broker accepts record batches of a
 * producer id only in its latest epoch, and an idempotent producer without transactions raises the epoch itself: by
 * sending a record batch in the next epoch, with sequence number 0 (KIP-360). Our producers always send in epoch 0.
 * So after one record batch under the other's id in epoch 1, a record batch that the other still has under way is in
 * the log already, or the broker refuses it for ever. If an earlier shut-out has written in epoch 1 already, the
 * broker refuses this record batch or calls it a duplicate, which proves the same.
 */

const shutOutEpoch = 1;
const retryBackoff = { baseMs: 50, capMs: 1_000 };
/** Each of these answers proves that the partition knows the other producer's epoch 1. */
const doneCodes: ReadonlySet<number> = new Set([
  KafkaCode.none,
  KafkaCode.outOfOrderSequence,
  KafkaCode.duplicateSequence,
  KafkaCode.invalidProducerEpoch,
]);

/** The records of one append for one partition. */
export interface Portion {
  readonly place: TopicPartition;
  readonly name: string;
  readonly records: readonly NewRecord[];
}

/** Shuts the other members of a family out of partitions, each member once for each partition. */
export class ShutOuts {
  readonly #cluster: Cluster;
  readonly #topics: KnownTopics;
  readonly #family: ProducerFamily;
  /** The pairs of member and partition that are done. */
  readonly #done = new Set<string>();

  constructor(cluster: Cluster, topics: KnownTopics, family: ProducerFamily) {
    this.#cluster = cluster;
    this.#topics = topics;
    this.#family = family;
  }

  /**
   * For each member and partition that is not done yet, appends the partition's records once under that member's id.
   */
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
    // Every try sends the same bytes: if an earlier try succeeded unseen, the broker calls the next one a duplicate.
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
      if (attempt > failuresUntilAskingOthers) this.#cluster.askOthers();
      this.#topics.refresh();
      await clock.sleep(5 + fullJitterMs(retryBackoff, attempt, clock.random()));
    }
    throw new TributaryError(
      'log_append_failed',
      `Another producer could not be shut out of ${name}, so nothing was appended: ${problem}`,
    );
  }
}
