import type { PartitionOffset } from '../../../core/offset.ts';
import type { FirstRecord, Peek } from '../../../ports/event-log.ts';
import type { LogDatabase } from '../file/database.ts';
import { rangeOf, readTopicPartitions } from '../topics.ts';

/** Looks at the first record of each partition at or behind its offset. */
export class Peeker {
  readonly #database: LogDatabase;

  constructor(database: LogDatabase) {
    this.#database = database;
  }

  /** The file answers at once, so there is nothing to be patient for. */
  peek(from: readonly PartitionOffset[]): Promise<Peek[]> {
    return this.#database.read('Looking at partitions', () => from.map((each) => this.#look(each)));
  }

  #look({ topic, partition, offset }: PartitionOffset): Peek {
    const row = readTopicPartitions(this.#database, topic)[partition];
    if (row === undefined) return { kind: 'unreadable', topic, partition, problem: 'does not exist' };
    const range = rangeOf(row);
    const wanted = offset > range.startOffset ? offset : range.startOffset;
    const first: FirstRecord =
      wanted < range.endOffset ? this.#firstOf(row.partitionId, Number(wanted)) : { kind: 'none' };
    return {
      kind: 'peeked',
      ...range,
      topicId: row.topicId,
      highWatermark: range.endOffset,
      first,
      openTransaction: null,
    };
  }

  /** Every offset up to the end has a record, and the records of a record batch have one time. */
  #firstOf(partitionId: number, offset: number): FirstRecord {
    const row = this.#database
      .statement(
        `SELECT appended_at_ms FROM record_batches WHERE partition_id = ? AND base_offset <= ?
         ORDER BY base_offset DESC LIMIT 1`,
      )
      .get(partitionId, offset) as unknown as [number] | undefined;
    if (row === undefined) return { kind: 'none' };
    return { kind: 'record', offset: BigInt(offset), timestampMs: row[0], timestampType: 'log_append' };
  }
}
