import type { RecordsRange, RecordsRead } from '../../../ports/event-log.ts';
import type { LogDatabase } from '../file/database.ts';
import { readTopicPartitions } from '../topics.ts';
import { readPartitionRecords } from './partition-reader.ts';

/** Reads records of a partition for a reader that is in no group. */
export class RangeReader {
  readonly #database: LogDatabase;

  constructor(database: LogDatabase) {
    this.#database = database;
  }

  read(range: RecordsRange): Promise<RecordsRead> {
    return this.#database.read('Reading records', () => this.#read(range));
  }

  #read({ topic, partition, offset, maxRecords, maxBytes }: RecordsRange): RecordsRead {
    const row = readTopicPartitions(this.#database, topic)[partition];
    if (row === undefined) return { kind: 'unreadable', problem: 'does not exist' };
    const { startOffset, endOffset } = row;
    const from = Number(offset);
    if (from < startOffset || from > endOffset)
      return { kind: 'out_of_range', startOffset: BigInt(startOffset), endOffset: BigInt(endOffset) };
    if (from === endOffset) return { kind: 'read', records: [], nextOffset: offset };
    const followed = { row, nextOffset: from, endOffset };
    const { fetched, fault } = readPartitionRecords(this.#database, followed, {
      maxRecords,
      maxBytes,
      atLeastOne: true,
    });
    if (fetched !== null) return { kind: 'read', records: fetched.records, nextOffset: fetched.nextOffset };
    return {
      kind: 'unreadable',
      problem: fault === null ? 'has no record here' : `is damaged: ${fault.detail}`,
    };
  }
}
