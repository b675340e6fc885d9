import { logDefect } from '../../../core/errors.ts';
import { type PartitionOffset, partitionName } from '../../../core/offset.ts';
import type { FirstRecord, OpenTransaction, Peek, PeekedPartition } from '../../../ports/event-log.ts';
import type { Cluster, TopicMetadata } from '../cluster/cluster.ts';
import { OpenTransactions } from '../cluster/open-transactions.ts';
import { rangesFrom, withoutLeader } from '../cluster/ranges.ts';
import { explain, KafkaCode, nameOfCode } from '../errors.ts';
import { decompress } from '../wire/decompression.ts';
import { type FetchedPartition, fetchRecords, partitionsOf } from '../wire/fetch.ts';
import { CorruptRecordBatchError, type RecordBatch, readRecordBatches } from '../wire/record-batch-reader.ts';
import { RecordCursor } from '../wire/record-cursor.ts';
import { AbortedFilter } from './aborted-filter.ts';

/*
 * Looks at the first record that a consumer would get from an offset on. It fetches as a consumer does, so that records
 * of aborted transactions, markers and gaps of compaction are no records here either. Mostly one small fetch for all
 * partitions of a broker answers all. Where a long run of aborted records follows, further fetches read on until the
 * time is over; the next look goes on behind what was read.
 */

const patienceDefaultMs = 200;
/** A broker that has not answered for this long is left out. */
const answerMs = 2_000;
const firstBytes = 64 * 1024;
const laterBytes = 1024 * 1024;
const answerBytes = 8 * 1024 * 1024;
/** A record batch that decompresses to more is judged by the times in its head. */
const openedBytesMax = 16 * 1024 * 1024;
const unknownEpoch = -1;

/** A partition that is being looked at. */
interface Place {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly name: string;
  /** The offset that the caller asks about. */
  readonly from: bigint;
  /** There is no record for a consumer from `from` up to here. */
  offset: bigint;
  /** The most bytes of the next fetch. */
  maxBytes: number;
  answer: Peek | undefined;
  /** The ends that the latest answer gave. */
  ends: Pick<PeekedPartition, 'startOffset' | 'endOffset' | 'highWatermark'> | undefined;
}

/** A run of offsets without a record for a consumer. It stays so, since it lies before the last stable offset. */
interface KnownRun {
  readonly topicId: string;
  readonly from: bigint;
  readonly upTo: bigint;
}

export class Peeker {
  readonly #cluster: Cluster;
  readonly #transactions: OpenTransactions;
  readonly #fetchRecords: typeof fetchRecords;
  /** By the name of the partition: the run that the last look did not come to the end of. */
  readonly #runs = new Map<string, KnownRun>();

  constructor(cluster: Cluster, send: typeof fetchRecords = fetchRecords) {
    this.#cluster = cluster;
    this.#transactions = new OpenTransactions(cluster);
    this.#fetchRecords = send;
  }

  async peek(from: readonly PartitionOffset[], patienceMs = patienceDefaultMs): Promise<Peek[]> {
    if (from.length === 0) return [];
    const topics = await this.#cluster.topics([...new Set(from.map(({ topic }) => topic))]);
    const places = from.map((each) => this.#placeOf(topics, each));
    const untilMs = this.#cluster.options.clock.monotonicMs() + patienceMs;
    const byLeader = Map.groupBy(
      places.filter(({ answer }) => answer === undefined),
      ({ topic, partition }) => topics.get(topic)?.partitions[partition]?.leader ?? -1,
    );
    await Promise.all([...byLeader].map(([leader, led]) => this.#askInTime(leader, led, untilMs)));
    return places.map((place) => place.answer ?? unreadable(place, 'was not answered for'));
  }

  #placeOf(topics: ReadonlyMap<string, TopicMetadata>, { topic, partition, offset }: PartitionOffset): Place {
    const found = topics.get(topic);
    const leader = found?.partitions[partition]?.leader ?? -1;
    const name = partitionName({ topic, partition });
    const topicId = found?.topicId ?? '';
    const run = this.#runs.get(name);
    const isInRun = run?.topicId === topicId && run.from <= offset && offset < run.upTo;
    const place: Place = {
      topic,
      topicId,
      partition,
      name,
      from: offset,
      offset: isInRun ? run.upTo : offset,
      maxBytes: firstBytes,
      answer: undefined,
      ends: undefined,
    };
    if (leader < 0) place.answer = unreadable(place, withoutLeader);
    return place;
  }

  async #askInTime(leader: number, places: readonly Place[], untilMs: number): Promise<void> {
    const { clock, logger } = this.#cluster.options;
    const over = new AbortController();
    const asking = this.#ask(leader, places, untilMs).catch((error: unknown) => {
      logDefect(logger, 'a look at partitions', error);
      for (const place of places)
        place.answer ??= unreadable(place, `cannot be looked at: ${explain(error)}`);
    });
    const waitMs = Math.max(0, untilMs - clock.monotonicMs()) + answerMs;
    await Promise.race([asking, clock.sleep(waitMs, over.signal)]);
    over.abort();
    for (const place of places)
      place.answer ??= unreadable(
        place,
        `is not known: its broker has not answered for ${answerMs / 1_000} s`,
      );
  }

  /** Fetches until each place has an answer, or the time is over. The first fetch is made in any case. */
  async #ask(leader: number, places: readonly Place[], untilMs: number): Promise<void> {
    const { clock } = this.#cluster.options;
    await this.#look(leader, places);
    for (;;) {
      const open = places.filter(({ answer }) => answer === undefined);
      if (open.length === 0) return;
      if (clock.monotonicMs() >= untilMs) {
        await Promise.all(open.map((place) => this.#giveUp(leader, place)));
        return;
      }
      // Only the first partition of a request gets a record batch that is longer than its share of bytes.
      await Promise.all(open.map((place) => this.#look(leader, [place])));
    }
  }

  async #giveUp(leader: number, place: Place): Promise<void> {
    const { name, topicId, from, offset } = place;
    this.#runs.set(name, { topicId, from, upTo: offset });
    await this.#conclude(leader, place, { kind: 'unknown', upTo: offset });
  }

  async #look(leader: number, places: readonly Place[]): Promise<void> {
    const fetched = await this.#fetch(leader, places, false);
    const outOfRange: Place[] = [];
    for (const place of places) {
      const answer = fetched.get(place);
      if (answer === undefined) place.answer = unreadable(place, 'was left out of the answer to a look');
      else if (answer.errorCode === KafkaCode.offsetOutOfRange) outOfRange.push(place);
      else if (answer.errorCode !== KafkaCode.none)
        place.answer = unreadable(
          place,
          `cannot be looked at: Kafka answered ${nameOfCode(answer.errorCode)}`,
        );
      else await this.#accept(leader, place, answer, places.length === 1);
    }
    if (outOfRange.length > 0) await this.#findRange(leader, outOfRange);
  }

  async #accept(leader: number, place: Place, fetched: FetchedPartition, isAlone: boolean): Promise<void> {
    place.ends = {
      startOffset: fetched.logStartOffset,
      endOffset: fetched.lastStableOffset,
      highWatermark: fetched.highWatermark,
    };
    const before = place.offset;
    const filter = new AbortedFilter(fetched.aborted);
    try {
      for (const recordBatch of readRecordBatches(fetched.records)) {
        if (filter.isCommitted(recordBatch)) {
          const first = firstIn(recordBatch, place.offset);
          if (first !== null) return await this.#conclude(leader, place, first);
        }
        if (recordBatch.nextOffset > place.offset) place.offset = recordBatch.nextOffset;
      }
    } catch (error) {
      if (!(error instanceof CorruptRecordBatchError)) throw error;
      place.answer = unreadable(place, `cannot be looked at: ${error.message}`);
      return;
    }
    place.maxBytes = place.offset === before ? firstBytes : laterBytes;
    const isAtEnd = place.offset >= fetched.lastStableOffset;
    // The log ends in a gap that compaction has left.
    const isGap = isAlone && place.offset === before;
    if (isAtEnd || isGap) await this.#conclude(leader, place, { kind: 'none' });
  }

  /** Looks from the start of the log where it begins behind the offset. Nothing is there where it ends before the offset. */
  async #findRange(leader: number, places: readonly Place[]): Promise<void> {
    const answers = await rangesFrom(this.#cluster, leader, places);
    for (const [index, answer] of answers.entries()) {
      const place = places[index] as Place;
      if (answer.kind === 'unknown') {
        place.answer = unreadable(place, answer.problem);
        continue;
      }
      const { startOffset, endOffset } = answer.range;
      if (place.offset < startOffset) {
        place.offset = startOffset;
        continue;
      }
      place.ends = { startOffset, endOffset, highWatermark: endOffset };
      await this.#conclude(leader, place, { kind: 'none' });
    }
  }

  async #conclude(leader: number, place: Place, first: FirstRecord): Promise<void> {
    const { topic, partition, topicId, ends } = place;
    if (first.kind !== 'unknown') this.#runs.delete(place.name);
    if (ends === undefined) {
      place.answer = unreadable(place, 'was not answered for');
      return;
    }
    const isHeldBack = ends.highWatermark > ends.endOffset;
    const openTransaction = isHeldBack ? await this.#transactionAt(leader, place, ends.endOffset) : null;
    place.answer = { kind: 'peeked', topic, partition, topicId, ...ends, first, openTransaction };
  }

  /** The transaction whose first record has this offset, the last stable one. */
  async #transactionAt(leader: number, place: Place, offset: bigint): Promise<OpenTransaction> {
    const wanted = { ...place, offset, maxBytes: firstBytes };
    const [answer] = (await this.#fetch(leader, [wanted], true)).values();
    const [recordBatch] = answer?.errorCode === KafkaCode.none ? readRecordBatches(answer.records) : [];
    if (recordBatch === undefined) return { first: null, producerId: null, transactionalId: null };
    const record = firstIn(recordBatch, offset);
    const first =
      record?.kind === 'record'
        ? { timestampMs: record.timestampMs, timestampType: record.timestampType }
        : null;
    const { isTransactional, producerId } = recordBatch;
    if (!isTransactional) return { first, producerId: null, transactionalId: null };
    return { first, producerId, transactionalId: await this.#transactions.nameOf(producerId) };
  }

  async #fetch(
    leader: number,
    places: readonly Place[],
    readsUncommitted: boolean,
  ): Promise<Map<Place, FetchedPartition>> {
    const connection = await this.#cluster.connect(leader, 'peek');
    const topics = Map.groupBy(places, ({ topicId }) => topicId);
    const response = await this.#fetchRecords(connection, {
      maxWaitMs: 0,
      maxBytes: answerBytes,
      readsUncommitted,
      topics: [...topics].map(([topicId, asked]) => ({
        topicId,
        partitions: asked.map(({ partition, offset, maxBytes }) => ({
          partition,
          fetchOffset: offset,
          leaderEpoch: unknownEpoch,
          lastFetchedEpoch: unknownEpoch,
          maxBytes,
        })),
      })),
    });
    const found = new Map<Place, FetchedPartition>();
    for (const answer of partitionsOf(response)) {
      const asked = places.find(
        ({ topicId, partition }) => topicId === answer.topicId && partition === answer.partition,
      );
      if (asked !== undefined) found.set(asked, answer);
    }
    return found;
  }
}

/** The first record of the batch at or behind the offset; null if compaction has left none. */
function firstIn(recordBatch: RecordBatch, offset: bigint): Extract<FirstRecord, { kind: 'record' }> | null {
  if (recordBatch.nextOffset <= offset || recordBatch.recordCount === 0) return null;
  const timestampType = recordBatch.appendTimestampMs === undefined ? 'create' : 'log_append';
  try {
    const bytes = decompress(recordBatch.records, recordBatch.compression, openedBytesMax);
    const cursor = new RecordCursor(recordBatch, bytes, { position: 0, taken: 0, lastOffsetDelta: -1 });
    for (let record = cursor.next(); record !== undefined; record = cursor.next()) {
      if (record.offset < offset) continue;
      return { kind: 'record', offset: record.offset, timestampMs: record.timestampMs, timestampType };
    }
    return null;
  } catch {
    // The reading of the partition tells what is wrong with this record batch. Its head has a time all the same.
    const timestampMs = recordBatch.appendTimestampMs ?? recordBatch.timestampMs;
    const first = recordBatch.baseOffset > offset ? recordBatch.baseOffset : offset;
    return { kind: 'record', offset: first, timestampMs, timestampType };
  }
}

function unreadable({ topic, partition }: Pick<Place, 'topic' | 'partition'>, problem: string): Peek {
  return { kind: 'unreadable', topic, partition, problem };
}
