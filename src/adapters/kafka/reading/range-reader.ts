import { isProgramError } from '../../../core/errors.ts';
import type { LogRecord, RecordsRange, RecordsRead } from '../../../ports/event-log.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { rangesFrom, withoutLeader } from '../cluster/ranges.ts';
import { explain, KafkaCode, nameOfCode } from '../errors.ts';
import { decompress } from '../wire/decompression.ts';
import { type FetchedPartition, fetchRecords, partitionsOf } from '../wire/fetch.ts';
import { type RecordBatch, readRecordBatches } from '../wire/record-batch-reader.ts';
import { RecordCursor } from '../wire/record-cursor.ts';
import { AbortedFilter } from './aborted-filter.ts';

const unknownEpoch = -1;
/** The smallest fetch. A broker sends the first record batch whatever its size. */
const fetchBytesMin = 64 * 1024;
const answerBytes = 64 * 1024 * 1024;
/** A record batch that decompresses to more is not read. */
const openedBytesMax = 64 * 1024 * 1024;

/** Reads records of a partition for a reader that is in no group, by one fetch for each read. */
export class RangeReader {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async read(range: RecordsRange): Promise<RecordsRead> {
    const topics = await this.#cluster.topics([range.topic]);
    const topic = topics.get(range.topic);
    const leader = topic?.partitions[range.partition]?.leader ?? -1;
    if (topic === undefined || leader < 0) return { kind: 'unreadable', problem: withoutLeader };
    try {
      const answer = await this.#fetch(leader, topic.topicId, range);
      if (answer === undefined) return { kind: 'unreadable', problem: 'was left out of the answer' };
      if (answer.errorCode === KafkaCode.offsetOutOfRange) return await this.#outOfRange(leader, range);
      if (answer.errorCode !== KafkaCode.none)
        return {
          kind: 'unreadable',
          problem: `cannot be read: Kafka answered ${nameOfCode(answer.errorCode)}`,
        };
      return recordsIn(answer, range);
    } catch (error) {
      // A RangeError shows bytes that make no sense.
      if (isProgramError(error) && !(error instanceof RangeError)) throw error;
      return { kind: 'unreadable', problem: `cannot be read: ${explain(error)}` };
    }
  }

  async #fetch(
    leader: number,
    topicId: string,
    { partition, offset, maxBytes }: RecordsRange,
  ): Promise<FetchedPartition | undefined> {
    const connection = await this.#cluster.connect(leader, 'ranges');
    const response = await fetchRecords(connection, {
      maxWaitMs: 0,
      maxBytes: answerBytes,
      topics: [
        {
          topicId,
          partitions: [
            {
              partition,
              fetchOffset: offset,
              leaderEpoch: unknownEpoch,
              lastFetchedEpoch: unknownEpoch,
              maxBytes: Math.max(fetchBytesMin, maxBytes),
            },
          ],
        },
      ],
    });
    return partitionsOf(response)[0];
  }

  async #outOfRange(leader: number, { topic, partition }: RecordsRange): Promise<RecordsRead> {
    const [answer] = await rangesFrom(this.#cluster, leader, [{ topic, partition }]);
    if (answer?.kind !== 'known')
      return { kind: 'unreadable', problem: answer?.problem ?? 'has no range yet' };
    const { startOffset, endOffset } = answer.range;
    return { kind: 'out_of_range', startOffset, endOffset };
  }
}

function recordsIn(
  { records, aborted, lastStableOffset }: FetchedPartition,
  { offset, maxRecords, maxBytes }: RecordsRange,
): RecordsRead {
  const found: LogRecord[] = [];
  const filter = new AbortedFilter(aborted);
  let nextOffset = offset;
  let bytes = 0;
  for (const recordBatch of readRecordBatches(records)) {
    if (filter.isCommitted(recordBatch)) {
      const cursor = cursorOf(recordBatch);
      for (let record = cursor.next(); record !== undefined; record = cursor.next()) {
        if (record.offset < offset) continue;
        if (found.length >= maxRecords || (found.length > 0 && bytes >= maxBytes))
          return { kind: 'read', records: found, nextOffset };
        found.push(record);
        nextOffset = record.offset + 1n;
        bytes += cursor.recordBytes;
      }
    }
    if (recordBatch.nextOffset > nextOffset) nextOffset = recordBatch.nextOffset;
  }
  // Compaction may have left nothing before the end, and then the answer has no record batch.
  if (nextOffset === offset && records.length === 0 && lastStableOffset > offset)
    nextOffset = lastStableOffset;
  return { kind: 'read', records: found, nextOffset };
}

function cursorOf(recordBatch: RecordBatch): RecordCursor {
  const bytes = decompress(recordBatch.records, recordBatch.compression, openedBytesMax);
  return new RecordCursor(recordBatch, bytes, { position: 0, taken: 0, lastOffsetDelta: -1 });
}
