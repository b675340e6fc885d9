import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
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
import { allOf, inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { chunksOf } from './rows-statement.ts';
import { textOf } from './values.ts';
import { refuseWhileSwitching } from './view-state.ts';

const CHECKPOINT_COLUMNS = 'topic, partition_id, topic_id, next_offset, leader_epoch, epoch, halt_reason';

/** A locked checkpoint delays the other partitions by this long at most, because acquiring it is tried again anyway. */
const ACQUIRE_LOCK_WAIT_SECONDS = 2;

export async function acquire(
  pool: ConnectionPool,
  table: string,
  partitions: readonly AcquireRequest[],
): Promise<Checkpoint[]> {
  const raiseEpochs = async (connection: PoolConnection): Promise<Checkpoint[]> => {
    await refuseWhileSwitching(connection, table);
    const acquired: Checkpoint[] = [];
    for (const request of [...partitions].sort(comparePartitions)) {
      const [result] = await connection.execute<ResultSetHeader>(
        `INSERT INTO checkpoints (${CHECKPOINT_COLUMNS}) VALUES (?,?,?,?,${UNKNOWN_LEADER_EPOCH},1,NULL) ON DUPLICATE KEY UPDATE epoch = epoch + 1`,
        [request.topic, request.partition, request.topicId, request.startOffset] as never[],
      );
      const checkpoint = await lockCheckpoint(connection, request);
      if (checkpoint === null)
        throw new TributaryError('store_failed', `The checkpoint of ${partitionName(request)} is missing.`);
      acquired.push({ ...checkpoint, isNew: result.affectedRows === 1 });
    }
    return acquired;
  };
  return inTransaction(pool, raiseEpochs, { lockWaitSeconds: ACQUIRE_LOCK_WAIT_SECONDS });
}

/** Reads the checkpoint of a partition, and locks it until the transaction ends. Null if there is none. */
async function lockCheckpoint(
  connection: PoolConnection,
  { topic, partition }: TopicPartition,
): Promise<Checkpoint | null> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    `SELECT ${CHECKPOINT_COLUMNS} FROM checkpoints WHERE topic = ? AND partition_id = ? FOR UPDATE`,
    [topic, partition],
  );
  return row === undefined ? null : checkpointOf(row);
}

function checkpointOf(row: RowDataPacket): Checkpoint {
  return {
    topic: String(row[0]),
    partition: Number(row[1]),
    topicId: String(row[2]),
    nextOffset: BigInt(row[3]),
    leaderEpoch: Number(row[4]),
    epoch: BigInt(row[5]),
    haltReason: row[6] === null ? null : textOf(row[6]),
    isNew: false,
  };
}

export async function readCheckpoints(pool: ConnectionPool): Promise<Checkpoint[]> {
  return withConnection(pool, async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT ${CHECKPOINT_COLUMNS} FROM checkpoints ORDER BY topic, partition_id`,
    );
    return rows.map(checkpointOf);
  });
}

export async function listResumed(pool: ConnectionPool, limit: number): Promise<ResumedPartition[]> {
  return withConnection(pool, async (connection) => {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT topic, partition_id, from_offset, to_offset, halt_reason, decided_by, reason, decided_at ' +
        `FROM checkpoint_decisions FORCE INDEX (\`PRIMARY\`) WHERE decision_id <= ? ORDER BY decision_id DESC LIMIT ${Math.floor(limit)}`,
      [LAST_ID] as never[],
    );
    return rows.map((row) => ({
      topic: String(row[0]),
      partition: Number(row[1]),
      fromOffset: BigInt(row[2]),
      toOffset: BigInt(row[3]),
      haltReason: row[4] === null ? null : textOf(row[4]),
      decidedBy: textOf(row[5]),
      reason: textOf(row[6]),
      decidedAtMs: Number(row[7]),
    }));
  });
}

/** The largest number that the column can hold. */
const LAST_ID = 2n ** 63n - 1n;

/**
 * Moves every checkpoint that stands where its move says. Answers whether all of them did; if not, the transaction has to
 * be rolled back. The statements of all moves are begun before the call returns.
 */
export async function moveCheckpoints(
  connection: PoolConnection,
  moves: readonly CheckpointMove[],
): Promise<boolean> {
  const moving = moves.filter(({ fromOffset, toOffset }) => fromOffset !== toOffset);
  const resting = moves.filter(({ fromOffset, toOffset }) => fromOffset === toOffset);
  const statements = [...resting.map((move) => [move]), ...chunksOf(moving)];
  const changed = await allOf(statements.map((some) => moveAll(connection, some)));
  for (const [index, move] of resting.entries()) {
    // The server does not count a row that keeps all of its values.
    if (changed[index] !== 1 && !(await rests(connection, move))) return false;
  }
  return changed.slice(resting.length).reduce((sum, rows) => sum + rows, 0) === moving.length;
}

const STANDS = 'topic = ? AND partition_id = ? AND next_offset = ? AND epoch = ? AND halt_reason IS NULL';

/**
 * Moves those of the checkpoints that stand where their moves say. A move may be named more than once. Resolves with the
 * number of the rows that changed.
 */
async function moveAll(connection: PoolConnection, moves: readonly CheckpointMove[]): Promise<number> {
  const choice = `CASE ${moves.map(() => 'WHEN topic = ? AND partition_id = ? THEN ? ').join('')}END`;
  const chosen = (value: (move: CheckpointMove) => bigint | number) =>
    moves.flatMap((move) => [move.topic, move.partition, value(move)]);
  const [result] = await connection.execute<ResultSetHeader>(
    `UPDATE checkpoints FORCE INDEX (\`PRIMARY\`) SET leader_epoch = ${choice}, next_offset = ${choice} ` +
      `WHERE ${moves.map(() => `(${STANDS})`).join(' OR ')}`,
    [
      ...chosen(({ leaderEpoch }) => leaderEpoch),
      ...chosen(({ toOffset }) => toOffset),
      ...moves.flatMap(({ topic, partition, fromOffset, epoch }) => [topic, partition, fromOffset, epoch]),
    ] as never[],
  );
  return result.affectedRows;
}

/** Whether the checkpoint stands where its move says, and also where the move ends. The UPDATE has locked the row. */
async function rests(connection: PoolConnection, move: CheckpointMove): Promise<boolean> {
  if (move.toOffset !== move.fromOffset) return false;
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT 1 FROM checkpoints WHERE topic = ? AND partition_id = ? AND next_offset = ? AND leader_epoch = ? ' +
      'AND epoch = ? AND halt_reason IS NULL FOR UPDATE',
    [move.topic, move.partition, move.fromOffset, move.leaderEpoch, move.epoch] as never[],
  );
  return rows.length === 1;
}

export async function halt(
  pool: ConnectionPool,
  partition: TopicPartition,
  epoch: bigint,
  reason: string,
): Promise<void> {
  await inTransaction(pool, (connection) =>
    connection.execute(
      'UPDATE checkpoints SET halt_reason = ? WHERE topic = ? AND partition_id = ? AND epoch = ?',
      [reason, partition.topic, partition.partition, epoch] as never[],
    ),
  );
}

export async function resume(pool: ConnectionPool, decision: ResumeDecision): Promise<void> {
  await inTransaction(pool, async (connection) => {
    // A commit may move the checkpoint meanwhile, and the decision has to say what it replaced.
    const before = await lockCheckpoint(connection, decision);
    if (before === null)
      throw new TributaryError(
        'store_refused',
        `Partition ${partitionName(decision)} has no checkpoint, so there is nothing to decide: it starts at the log's beginning.`,
      );
    await connection.execute(
      `UPDATE checkpoints SET next_offset = ?, leader_epoch = ${UNKNOWN_LEADER_EPOCH}, topic_id = ?, epoch = epoch + 1, halt_reason = NULL WHERE topic = ? AND partition_id = ?`,
      [decision.offset, decision.topicId, decision.topic, decision.partition] as never[],
    );
    await connection.execute(
      'INSERT INTO checkpoint_decisions (topic, partition_id, from_offset, to_offset, halt_reason, decided_by, reason, decided_at) VALUES (?,?,?,?,?,?,?,?)',
      [
        decision.topic,
        decision.partition,
        before.nextOffset,
        decision.offset,
        before.haltReason,
        decision.decidedBy,
        decision.reason,
        decision.decidedAtMs,
      ] as never[],
    );
    const { decidedBy, reason, decidedAtMs } = decision;
    await addAudit(connection, {
      action: 'partition_resumed',
      subject: partitionName(decision),
      details: {
        fromOffset: String(before.nextOffset),
        toOffset: String(decision.offset),
        haltReason: before.haltReason,
      },
      decidedBy,
      reason,
      decidedAtMs,
    });
  });
}
