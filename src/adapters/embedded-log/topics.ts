import { TributaryError } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/offset.ts';
import { compareOffsets, partitionName } from '../../core/offset.ts';
import type { PartitionRange, TopicDescription } from '../../ports/event-log.ts';
import type { LogDatabase } from './file/database.ts';

/** One row of the table `partitions`. Offsets are numbers up to 2^53 inside this adapter, and bigints at its port. */
export interface PartitionRow {
  readonly partitionId: number;
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly startOffset: number;
  readonly endOffset: number;
}

const COLUMNS = 'partition_id, topic, topic_id, partition, start_offset, end_offset';

function partitionRow(row: unknown): PartitionRow {
  const [partitionId, topic, topicId, partition, startOffset, endOffset] = row as [
    number,
    string,
    string,
    number,
    number,
    number,
  ];
  return { partitionId, topic, topicId, partition, startOffset, endOffset };
}

/** The partitions of the topic, by number. Empty if the topic does not exist. */
export function readTopicPartitions(database: LogDatabase, topic: string): PartitionRow[] {
  return database
    .statement(`SELECT ${COLUMNS} FROM partitions WHERE topic = ? ORDER BY partition`)
    .all(topic)
    .map(partitionRow);
}

export function readPartition(database: LogDatabase, partitionId: number): PartitionRow | null {
  const row = database.statement(`SELECT ${COLUMNS} FROM partitions WHERE partition_id = ?`).get(partitionId);
  return row === undefined ? null : partitionRow(row);
}

export function rangeOf(row: PartitionRow): PartitionRange {
  return {
    topic: row.topic,
    partition: row.partition,
    startOffset: BigInt(row.startOffset),
    endOffset: BigInt(row.endOffset),
  };
}

export async function describeTopics(
  database: LogDatabase,
  topics: readonly string[],
): Promise<TopicDescription[]> {
  return database.read('Describing topics', () =>
    topics.flatMap((topic) => {
      const rows = readTopicPartitions(database, topic);
      const [first] = rows;
      if (first === undefined) return [];
      return [{ topic, topicId: first.topicId, partitionCount: rows.length, partitions: rows.map(rangeOf) }];
    }),
  );
}

export async function createTopics(
  database: LogDatabase,
  topics: readonly { topic: string; partitions: number }[],
  newTopicId: () => string,
): Promise<void> {
  for (const { topic, partitions } of topics) {
    if (topic !== '' && Number.isInteger(partitions) && partitions >= 1 && partitions <= 1000) continue;
    throw new TributaryError(
      'setting_invalid',
      `A topic needs a name and 1 to 1000 partitions. This one is "${topic}" with ${partitions}.`,
    );
  }
  await database.write('Creating topics', 'durable', () => {
    for (const { topic, partitions } of topics) {
      const topicId = newTopicId();
      const made = database
        .statement('INSERT INTO topics VALUES (?, ?) ON CONFLICT (topic) DO NOTHING')
        .run(topic, topicId);
      if (Number(made.changes) === 0) continue;
      insertPartitions(database, { topic, topicId }, 0, partitions);
    }
  });
}

/** Adds empty partitions until there are `partitions` of them. Rejects with `topic_missing`. */
export async function addPartitions(database: LogDatabase, topic: string, partitions: number): Promise<void> {
  await database.write('Adding partitions', 'durable', () => {
    const rows = readTopicPartitions(database, topic);
    const [first] = rows;
    if (first === undefined) throw topicMissing(topic);
    insertPartitions(database, first, rows.length, partitions);
  });
}

function insertPartitions(
  database: LogDatabase,
  topic: { topic: string; topicId: string },
  from: number,
  to: number,
): void {
  const insert = database.statement(
    'INSERT INTO partitions (topic, topic_id, partition, start_offset, end_offset) VALUES (?, ?, ?, 0, 0)',
  );
  for (let partition = from; partition < to; partition += 1)
    insert.run(topic.topic, topic.topicId, partition);
  countTopicChange(database);
}

/** Deletes the topic with its records. Does nothing if there is none. */
export async function deleteTopic(database: LogDatabase, topic: string): Promise<void> {
  await database.write('Deleting a topic', 'durable', () => {
    for (const { partitionId } of readTopicPartitions(database, topic)) {
      database.statement('DELETE FROM record_batches WHERE partition_id = ?').run(partitionId);
      database.statement('DELETE FROM owners WHERE partition_id = ?').run(partitionId);
      database.statement('DELETE FROM partitions WHERE partition_id = ?').run(partitionId);
    }
    database.statement('DELETE FROM committed_offsets WHERE topic = ?').run(topic);
    database.statement('DELETE FROM topics WHERE topic = ?').run(topic);
    countTopicChange(database);
  });
}

/**
 * Raises the partition's start offset to `beforeOffset`, or to its end if that is less. Deletes the records before
 * it.
 */
export async function deleteRecords(
  database: LogDatabase,
  partition: TopicPartition,
  beforeOffset: bigint,
): Promise<void> {
  await database.write('Deleting records', 'durable', () => {
    const row = readTopicPartitions(database, partition.topic)[partition.partition];
    if (row === undefined) throw topicMissing(partitionName(partition));
    const end = BigInt(row.endOffset);
    const start = Number(compareOffsets(beforeOffset, end) < 0 ? beforeOffset : end);
    if (start <= row.startOffset) return;
    database
      .statement('UPDATE partitions SET start_offset = ? WHERE partition_id = ?')
      .run(start, row.partitionId);
    database
      .statement('DELETE FROM record_batches WHERE partition_id = ? AND base_offset + record_count <= ?')
      .run(row.partitionId, start);
  });
}

function countTopicChange(database: LogDatabase): void {
  database.statement('UPDATE log_state SET topics_generation = topics_generation + 1').run();
}

export function topicMissing(name: string): TributaryError {
  return new TributaryError('topic_missing', `The embedded log has no ${name}: create the topic first.`);
}
