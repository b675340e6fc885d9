import { TributaryError } from '../../core/errors.ts';
import { comparePartitions, partitionName, type TopicPartition } from '../../core/offset.ts';
import type {
  AcquireRequest,
  Checkpoint,
  ResumeDecision,
  ResumedPartition,
} from '../../ports/checkpoints.ts';
import type { CheckpointMove } from '../../ports/commit.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../ports/event-log.ts';
import { addAudit } from './audit.ts';
import type { Connection } from './database.ts';
import { bigintOf, nullOr, numberOf, type SqliteRow, textOf } from './values.ts';
import { refuseWhileSwitching } from './view-state.ts';

const SELECT_ONE = 'SELECT * FROM checkpoints WHERE topic = ? AND partition_id = ?';

/** Raises the epoch of each partition. The answers have the sequence of the requests. */
export function acquire(
  writer: Connection,
  table: string,
  requests: readonly AcquireRequest[],
): Checkpoint[] {
  refuseWhileSwitching(writer, table);
  const insert = writer.statement(`
    INSERT INTO checkpoints (topic, partition_id, topic_id, next_offset, epoch) VALUES (?, ?, ?, ?, 0)
    ON CONFLICT DO NOTHING`);
  const raise = writer.statement(
    'UPDATE checkpoints SET epoch = epoch + 1 WHERE topic = ? AND partition_id = ? RETURNING *',
  );
  return requests.map(({ topic, partition, topicId, startOffset }) => {
    const { changes } = insert.run(topic, partition, topicId, startOffset);
    return toCheckpoint(raise.get(topic, partition), Number(changes) === 1);
  });
}

/** Moves every checkpoint that stands where its move says. Answers whether all of them did. */
export function moveCheckpoints(writer: Connection, moves: readonly CheckpointMove[]): boolean {
  const update = writer.statement(`
    UPDATE checkpoints SET next_offset = ?, leader_epoch = ?
    WHERE topic = ? AND partition_id = ? AND next_offset = ? AND epoch = ? AND halt_reason IS NULL`);
  return moves.every((move) => {
    const { toOffset, leaderEpoch, topic, partition, fromOffset, epoch } = move;
    const { changes } = update.run(toOffset, leaderEpoch, topic, partition, fromOffset, epoch);
    return Number(changes) === 1;
  });
}

/** Changes nothing if `epoch` is an old one. The next commit of that owner is fenced, and tells it why. */
export function halt(writer: Connection, partition: TopicPartition, epoch: bigint, reason: string): void {
  writer
    .statement('UPDATE checkpoints SET halt_reason = ? WHERE topic = ? AND partition_id = ? AND epoch = ?')
    .run(reason, partition.topic, partition.partition, epoch);
}

export function resume(writer: Connection, decision: ResumeDecision): void {
  const { topic, partition, topicId, offset } = decision;
  const before = writer.statement(SELECT_ONE).get(topic, partition);
  if (before === undefined) {
    throw new TributaryError(
      'store_refused',
      `Partition ${partitionName(decision)} has no checkpoint, so there is nothing to decide: it starts at the log's beginning.`,
    );
  }
  writer
    .statement(`
      INSERT INTO checkpoint_decisions (
        topic, partition_id, topic_id, from_offset, to_offset, halt_reason, decided_by, reason, decided_at
      ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    .run(
      topic,
      partition,
      topicId,
      bigintOf(before.next_offset),
      offset,
      nullOr(before.halt_reason, textOf),
      decision.decidedBy,
      decision.reason,
      decision.decidedAtMs,
    );
  writer
    .statement(`
      UPDATE checkpoints
      SET next_offset = ?, leader_epoch = ${UNKNOWN_LEADER_EPOCH}, topic_id = ?, halt_reason = NULL, epoch = epoch + 1
      WHERE topic = ? AND partition_id = ?`)
    .run(offset, topicId, topic, partition);
  const { decidedBy, reason, decidedAtMs } = decision;
  addAudit(writer, {
    action: 'partition_resumed',
    subject: partitionName(decision),
    details: {
      fromOffset: String(before.next_offset),
      toOffset: String(offset),
      haltReason: nullOr(before.halt_reason, textOf),
    },
    decidedBy,
    reason,
    decidedAtMs,
  });
}

export function listResumed(reader: Connection, limit: number): ResumedPartition[] {
  const rows = reader
    .statement('SELECT * FROM checkpoint_decisions WHERE decision_id <= ? ORDER BY decision_id DESC LIMIT ?')
    .all(LAST_ID, limit);
  return rows.map((row) => ({
    topic: textOf(row.topic),
    partition: numberOf(row.partition_id),
    fromOffset: bigintOf(row.from_offset),
    toOffset: bigintOf(row.to_offset),
    haltReason: nullOr(row.halt_reason, textOf),
    decidedBy: textOf(row.decided_by),
    reason: textOf(row.reason),
    decidedAtMs: numberOf(row.decided_at),
  }));
}

/** The largest number that the column can hold. */
const LAST_ID = 2n ** 63n - 1n;

export function readCheckpoints(reader: Connection): Checkpoint[] {
  const rows = reader.statement('SELECT * FROM checkpoints').all();
  return rows.map((row) => toCheckpoint(row, false)).sort(comparePartitions);
}

function toCheckpoint(row: SqliteRow | undefined, isNew: boolean): Checkpoint {
  return {
    topic: textOf(row?.topic),
    partition: numberOf(row?.partition_id),
    topicId: textOf(row?.topic_id),
    nextOffset: bigintOf(row?.next_offset),
    leaderEpoch: numberOf(row?.leader_epoch),
    epoch: bigintOf(row?.epoch),
    haltReason: nullOr(row?.halt_reason, textOf),
    isNew,
  };
}
