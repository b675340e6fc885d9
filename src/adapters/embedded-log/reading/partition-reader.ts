import { crc32 } from 'node:zlib';
import { isProgramError, messageOf, TributaryError } from '../../../core/errors.ts';
import { goesOnAt } from '../../../core/halts.ts';
import { partitionName } from '../../../core/offset.ts';
import { type FetchedRecords, type PartitionFault, UNKNOWN_LEADER_EPOCH } from '../../../ports/event-log.ts';
import type { LogDatabase } from '../file/database.ts';
import { unpackRecords } from '../file/record-codec.ts';
import { isDamaged } from '../file/schema.ts';
import { readOwner } from '../group/membership.ts';
import { type PartitionRow, readPartition, readTopicPartitions } from '../topics.ts';

/** A followed partition, and the place up to which it was read. */
export interface FollowedPartition {
  readonly row: PartitionRow;
  /** The offset of the next record to read. */
  nextOffset: number;
  /** The end offset as last seen. Null until the first look. */
  endOffset: number | null;
}

/**
 * `nothing`: the log has no record at the next offset yet. `not_owner`: another member owns the partition, so this one
 * must not return records of it any more.
 */
export type PartitionLook =
  | { readonly kind: 'readable'; readonly endOffset: number }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'not_owner' }
  | { readonly kind: 'fault'; readonly fault: PartitionFault };

/** Looks whether the partition has records to read, without reading them. */
export function lookAt(
  database: LogDatabase,
  group: string,
  memberId: string,
  followed: FollowedPartition,
): PartitionLook {
  const { row, nextOffset } = followed;
  const now = readPartition(database, row.partitionId);
  if (now === null) return { kind: 'fault', fault: recreated(database, followed) };
  followed.endOffset = now.endOffset;
  if (nextOffset < now.startOffset || nextOffset > now.endOffset) {
    const detail =
      nextOffset < now.startOffset
        ? `The log begins at offset ${now.startOffset}: the offsets ${nextOffset} to ${now.startOffset - 1} are gone.`
        : `The log ends at offset ${now.endOffset}: offset ${nextOffset} was never written, or was cut off.`;
    return { kind: 'fault', fault: faultOf(followed, 'offset_out_of_range', detail) };
  }
  if (readOwner(database, group, row.partitionId) !== memberId) return { kind: 'not_owner' };
  return nextOffset === now.endOffset ? { kind: 'nothing' } : { kind: 'readable', endOffset: now.endOffset };
}

function recreated(database: LogDatabase, followed: FollowedPartition): PartitionFault {
  const { topic, topicId, partition } = followed.row;
  const successor = readTopicPartitions(database, topic)[partition];
  const detail =
    successor === undefined
      ? `The topic with id ${topicId} was deleted, and there is no ${partitionName(followed.row)} now.`
      : `${topic} is another topic (made anew, or another cluster). The topic with id ${topicId} was deleted, and ${partitionName(followed.row)} now belongs to id ${successor.topicId}.`;
  return faultOf(followed, 'topic_recreated', detail);
}

function faultOf(followed: FollowedPartition, kind: PartitionFault['kind'], detail: string): PartitionFault {
  const { topic, partition } = followed.row;
  return { topic, partition, kind, offset: BigInt(followed.nextOffset), detail };
}

export interface ReadLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** Whether the first record is read whatever its size. */
  readonly atLeastOne: boolean;
  /** Record batches that are younger are read only until there are enough records for their reading to pay. */
  readonly untilMs?: number;
}

export interface PartitionRead {
  readonly fetched: FetchedRecords | null;
  readonly bytes: number;
  /** The time of the next record; null if there is none, and undefined if that was not looked up. */
  readonly nextMs: number | null | undefined;
  readonly fault: PartitionFault | null;
}

/** Fewer records are not worth a turn of their own. */
const WORTH_A_TURN = 250;

/**
 * Reads records from the next offset on, and moves it. Stops before a damaged record batch, and reports it.
 */
export function readPartitionRecords(
  database: LogDatabase,
  followed: FollowedPartition,
  limits: ReadLimits,
): PartitionRead {
  const { topic, partition, partitionId } = followed.row;
  const { untilMs = Number.POSITIVE_INFINITY } = limits;
  const records: FetchedRecords['records'][number][] = [];
  let bytes = 0;
  let fault: PartitionFault | null = null;
  /** The offset behind the record batch that is being read; null while none is. */
  let endOffset: number | null = null;
  let nextMs: number | null | undefined = null;
  try {
    const rows = database
      .statement(
        `SELECT base_offset, record_count, appended_at_ms, crc32, packed FROM record_batches
         WHERE partition_id = ?1 AND base_offset >=
           (SELECT max(base_offset) FROM record_batches WHERE partition_id = ?1 AND base_offset <= ?2)
         ORDER BY base_offset`,
      )
      .iterate(partitionId, followed.nextOffset) as unknown as Iterable<
      [number, number, number, number, Uint8Array]
    >;
    for (const [baseOffset, recordCount, timestampMs, checksum, packed] of rows) {
      nextMs = timestampMs;
      if (timestampMs > untilMs && records.length >= WORTH_A_TURN) break;
      if (baseOffset > followed.nextOffset || baseOffset + recordCount <= followed.nextOffset) {
        throw new TributaryError(
          'log_damaged',
          `offset ${followed.nextOffset} is missing between its neighbours`,
        );
      }
      endOffset = baseOffset + recordCount;
      if (crc32(packed) !== checksum)
        throw new TributaryError('log_damaged', 'the bytes do not match the checksum');
      const needsOne = limits.atLeastOne && records.length === 0;
      const bytesLeft = limits.maxBytes - bytes;
      const unpacked = unpackRecords(packed, {
        baseOffset,
        recordCount,
        timestampMs,
        fromOffset: followed.nextOffset,
        maxRecords: Math.max(limits.maxRecords - records.length, needsOne ? 1 : 0),
        maxBytes: bytesLeft,
        atLeastOne: needsOne,
      });
      for (const record of unpacked.records) records.push(record);
      bytes += unpacked.bytes;
      followed.nextOffset += unpacked.records.length;
      if (followed.nextOffset < endOffset) break;
      endOffset = null;
      nextMs = undefined;
      if (records.length >= limits.maxRecords || bytes >= limits.maxBytes) break;
      nextMs = null;
    }
  } catch (error) {
    if (!isContentFault(error)) throw error;
    const goesOn = endOffset === null ? '' : ` ${goesOnAt(BigInt(endOffset))}`;
    fault = faultOf(
      followed,
      'corrupt_batch',
      `The record batch at offset ${followed.nextOffset} of ${partitionName(followed.row)} cannot be read: ${messageOf(error)}.${goesOn}`,
    );
  }
  if (records.length === 0) return { fetched: null, bytes, nextMs, fault };
  const nextOffset = BigInt(followed.nextOffset);
  return {
    fetched: { topic, partition, records, nextOffset, leaderEpoch: UNKNOWN_LEADER_EPOCH },
    bytes,
    nextMs,
    fault,
  };
}

/** The time of the record at the partition's next offset; negative infinity if the log lacks it, which reading will say. */
export function nextTimestampMs(database: LogDatabase, { row, nextOffset }: FollowedPartition): number {
  const found = database
    .statement(
      `SELECT appended_at_ms FROM record_batches WHERE partition_id = ? AND base_offset <= ?
       ORDER BY base_offset DESC LIMIT 1`,
    )
    .get(row.partitionId, nextOffset) as unknown as [number] | undefined;
  return found?.[0] ?? Number.NEGATIVE_INFINITY;
}

/**
 * Whether the stored bytes are wrong. False for an error that may pass, such as a locked file, and for a mistake of the
 * program. A RangeError counts as wrong bytes: a DataView throws it where the bytes end too early.
 */
function isContentFault(error: unknown): boolean {
  if (isProgramError(error) && !(error instanceof RangeError)) return false;
  const fromSqlite = error instanceof Error && 'errcode' in error;
  return fromSqlite ? isDamaged(error) : true;
}
