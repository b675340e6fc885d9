import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import { comparePartitions, partitionName, type TopicPartition } from '../../core/offset.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../ports/event-log.ts';
import type {
  Checkpoint,
  ClaimRequest,
  QuarantinedRecord,
  QuarantinePage,
  RefusedCounts,
  ResumeDecision,
  StoreCounts,
  StoredRow,
} from '../../ports/store.ts';
import { inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DEAD_AT_MS } from './delivery-queries.ts';
import { identifier } from './identifier.ts';
import { chunksOf, marks } from './rows-statement.ts';
import { textOf } from './values.ts';
import { viewValue } from './view-table.ts';

const CHECKPOINT_COLUMNS = 'topic, partition_id, topic_id, next_offset, leader_epoch, epoch, halt_reason';

/** A claim is asked for again and again: it need not stand in the way of the others for long. */
const CLAIM_LOCK_WAIT_SECONDS = 2;

export async function claim(
  pool: ConnectionPool,
  partitions: readonly ClaimRequest[],
): Promise<Checkpoint[]> {
  const raiseEpochs = async (connection: PoolConnection): Promise<Checkpoint[]> => {
    const claimed: Checkpoint[] = [];
    for (const request of [...partitions].sort(comparePartitions)) {
      const [result] = await connection.execute<ResultSetHeader>(
        `INSERT INTO checkpoints (${CHECKPOINT_COLUMNS}) VALUES (?,?,?,?,${UNKNOWN_LEADER_EPOCH},1,NULL) ON DUPLICATE KEY UPDATE epoch = epoch + 1`,
        [request.topic, request.partition, request.topicId, request.startOffset] as never[],
      );
      const checkpoint = await readCheckpoint(connection, request);
      claimed.push({ ...checkpoint, isNew: result.affectedRows === 1 });
    }
    return claimed;
  };
  return inTransaction(pool, raiseEpochs, { lockWaitSeconds: CLAIM_LOCK_WAIT_SECONDS });
}

async function readCheckpoint(
  connection: PoolConnection,
  { topic, partition }: TopicPartition,
): Promise<Checkpoint> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${CHECKPOINT_COLUMNS} FROM checkpoints WHERE topic = ? AND partition_id = ?`,
    [topic, partition],
  );
  if (rows[0] === undefined) {
    throw new TributaryError(
      'store_failed',
      `The checkpoint of ${partitionName({ topic, partition })} is missing.`,
    );
  }
  return checkpointOf(rows[0]);
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

export async function checkpoints(pool: ConnectionPool): Promise<Checkpoint[]> {
  return withConnection(pool, async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT ${CHECKPOINT_COLUMNS} FROM checkpoints ORDER BY topic, partition_id`,
    );
    return rows.map(checkpointOf);
  });
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
    const before = await readCheckpoint(connection, decision);
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
  });
}

export async function readView(
  pool: ConnectionPool,
  view: ViewShape,
  entityIds: readonly string[],
): Promise<Map<string, StoredRow>> {
  const columns = [
    identifier(view.keyColumn),
    ...view.columns.map((column) => identifier(column.name)),
    'version',
  ];
  const found = new Map<string, StoredRow>();
  await withConnection(pool, async (connection) => {
    for (const ids of chunksOf(entityIds)) {
      const [rows] = await connection.execute<RowDataPacket[]>(
        `SELECT ${columns.join(', ')} FROM ${identifier(view.table)} FORCE INDEX (PRIMARY) WHERE ${identifier(view.keyColumn)} IN (${marks(ids.length)})`,
        ids,
      );
      for (const row of rows) {
        found.set(textOf(row[0]), {
          row: view.columns.map((column, index) => viewValue(column, row[index + 1])),
          version: Number(row[view.columns.length + 1]),
        });
      }
    }
  });
  return found;
}

export async function readQuarantine(
  pool: ConnectionPool,
  { after, limit, topic, reason }: QuarantinePage,
): Promise<QuarantinedRecord[]> {
  const key =
    after === null
      ? ['', -1, -1n, Buffer.alloc(0)]
      : [after.topic, after.partition, after.offset, Buffer.from(after.valueHash, 'hex')];
  const only = [
    ...(topic === undefined ? [] : [['topic', topic] as const]),
    ...(reason === undefined ? [] : [['reason', reason] as const]),
  ];
  return withConnection(pool, async (connection) => {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT topic, partition_id, record_offset, reason, detail, record_key, record_value, value_length, value_hash, headers, observed_at ' +
        'FROM quarantine WHERE (topic, partition_id, record_offset, value_hash) > (?, ?, ?, ?) ' +
        only.map(([column]) => `AND ${column} = ? `).join('') +
        `ORDER BY topic, partition_id, record_offset, value_hash LIMIT ${Math.floor(limit)}`,
      [...key, ...only.map(([, value]) => value)] as never[],
    );
    return rows.map((row) => ({
      topic: String(row[0]),
      partition: Number(row[1]),
      offset: BigInt(row[2]),
      reason: String(row[3]),
      detail: textOf(row[4]),
      key: row[5] as Buffer | null,
      value: row[6] as Buffer | null,
      valueLength: Number(row[7]),
      valueHash: (row[8] as Buffer).toString('hex'),
      headers: row[9] as Buffer,
      observedAtMs: Number(row[10]),
    }));
  });
}

/** Without a place to stop: a connection of the pool is busy for as long as the index takes. */
export async function refusedCounts(
  pool: ConnectionPool,
  targets: readonly string[],
): Promise<RefusedCounts> {
  return withConnection(pool, async (connection) => {
    const [kinds] = await connection.query<RowDataPacket[]>(
      'SELECT topic, reason, COUNT(*) AS records FROM quarantine FORCE INDEX (quarantine_by_reason) ' +
        'GROUP BY topic, reason ORDER BY records DESC, topic, reason',
    );
    // By the dead ones' moment, so that the index is read where they are, and nowhere else.
    const deadDeliveries: { target: string; deliveries: number }[] = [];
    for (const target of targets) {
      const [[dead]] = await connection.execute<RowDataPacket[]>(
        'SELECT COUNT(*) FROM deliveries FORCE INDEX (deliveries_by_next_attempt) ' +
          `WHERE target = ? AND is_retry IN (0, 1) AND next_attempt_at = ${DEAD_AT_MS}`,
        [target],
      );
      const deliveries = Number(dead?.[0]);
      if (deliveries > 0) deadDeliveries.push({ target, deliveries });
    }
    const quarantined = kinds.map((row) => ({
      topic: String(row[0]),
      reason: String(row[1]),
      records: Number(row[2]),
    }));
    return { quarantined, deadDeliveries };
  });
}

export async function counts(pool: ConnectionPool, view: ViewShape): Promise<StoreCounts> {
  return withConnection(pool, async (connection) => {
    const number = async (query: string) => {
      const [rows] = await connection.query<RowDataPacket[]>(query);
      return Number(rows[0]?.[0]);
    };
    const count = (query: string) => number(`SELECT COUNT(*) FROM ${query}`);
    return {
      journaledEvents: await number('SELECT COALESCE(SUM(event_count), 0) FROM journal_segments'),
      viewRows: await count(identifier(view.table)),
      quarantined: await count('quarantine'),
      deliveriesPending: await count("deliveries WHERE status = 'pending'"),
      deliveriesDelivered: await count("deliveries WHERE status = 'delivered'"),
      deliveriesDead: await count("deliveries WHERE status = 'dead'"),
    };
  });
}
