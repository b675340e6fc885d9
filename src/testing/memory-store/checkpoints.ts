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
import type { Connection, Transaction } from './connection.ts';
import { checkpointLock } from './lock-names.ts';
import { refuseWhileSwitching } from './view-state.ts';

/** A locked checkpoint delays the other partitions by this long at most. */
const ACQUIRE_LOCK_WAIT_MS = 2_000;

export function acquire(
  connection: Connection,
  table: string,
  partitions: readonly AcquireRequest[],
): Promise<Checkpoint[]> {
  return connection.transaction(
    async (transaction) => {
      await refuseWhileSwitching(transaction, table);
      const acquired: Checkpoint[] = [];
      for (const request of [...partitions].sort(comparePartitions))
        acquired.push(await raiseEpoch(transaction, request));
      return acquired;
    },
    { lockWaitMs: ACQUIRE_LOCK_WAIT_MS },
  );
}

async function raiseEpoch(
  transaction: Transaction,
  { topic, partition, topicId, startOffset }: AcquireRequest,
): Promise<Checkpoint> {
  const name = partitionName({ topic, partition });
  await transaction.statement('raise the epoch of a checkpoint');
  await transaction.lock(checkpointLock(name));
  const { schema } = transaction;
  const known = schema.checkpoints.get(name);
  const next: Checkpoint =
    known === undefined
      ? {
          topic,
          partition,
          topicId,
          nextOffset: startOffset,
          leaderEpoch: UNKNOWN_LEADER_EPOCH,
          epoch: 1n,
          haltReason: null,
          isNew: false,
        }
      : { ...known, epoch: known.epoch + 1n };
  transaction.write(() => schema.putCheckpoint(name, next));
  return { ...next, isNew: known === undefined };
}

export function readCheckpoints(connection: Connection): Promise<Checkpoint[]> {
  return connection.read('read the checkpoints', ({ partitions, checkpoints }) =>
    partitions.map((name) => checkpoints.get(name) as Checkpoint),
  );
}

/** Moves every checkpoint that stands where its move says. Answers whether all of them did. */
export async function moveCheckpoints(
  transaction: Transaction,
  moves: readonly CheckpointMove[],
): Promise<boolean> {
  for (const move of moves) {
    const name = partitionName(move);
    const sent = transaction.statement('move a checkpoint');
    if (sent !== undefined) await sent;
    const locked = transaction.lock(checkpointLock(name));
    if (locked !== undefined) await locked;
    const { schema } = transaction;
    const known = schema.checkpoints.get(name);
    if (
      known === undefined ||
      known.nextOffset !== move.fromOffset ||
      known.epoch !== move.epoch ||
      known.haltReason !== null
    )
      return false;
    const { toOffset: nextOffset, leaderEpoch } = move;
    transaction.write(() => schema.putCheckpoint(name, { ...known, nextOffset, leaderEpoch }));
  }
  return true;
}

export function halt(
  connection: Connection,
  partition: TopicPartition,
  epoch: bigint,
  haltReason: string,
): Promise<void> {
  return connection.transaction(async (transaction) => {
    const name = partitionName(partition);
    await transaction.statement('halt a partition');
    await transaction.lock(checkpointLock(name));
    const { schema } = transaction;
    const known = schema.checkpoints.get(name);
    if (known?.epoch !== epoch) return;
    transaction.write(() => schema.putCheckpoint(name, { ...known, haltReason }));
  });
}

export function resume(connection: Connection, decision: ResumeDecision): Promise<void> {
  const { topic, partition, topicId, offset, decidedBy, reason, decidedAtMs } = decision;
  return connection.transaction(async (transaction) => {
    const name = partitionName(decision);
    await transaction.statement('resume a partition');
    await transaction.lock(checkpointLock(name));
    const { schema } = transaction;
    const known = schema.checkpoints.get(name);
    if (known === undefined)
      throw new TributaryError(
        'store_refused',
        `Partition ${name} has no checkpoint, so there is nothing to decide.`,
      );
    const { haltReason, nextOffset: fromOffset } = known;
    transaction.write(() => {
      schema.putCheckpoint(name, {
        ...known,
        topicId,
        nextOffset: offset,
        leaderEpoch: UNKNOWN_LEADER_EPOCH,
        epoch: known.epoch + 1n,
        haltReason: null,
      });
      const decided = { decidedBy, reason, decidedAtMs };
      schema.resumed.push({
        topic,
        partition,
        topicId,
        fromOffset,
        toOffset: offset,
        haltReason,
        ...decided,
      });
      const details = { fromOffset, toOffset: offset, haltReason };
      schema.addAudit({ action: 'partition_resumed', subject: name, details, ...decided });
    });
  });
}

export function listResumed(connection: Connection, limit: number): Promise<ResumedPartition[]> {
  return connection.read('list the decisions', ({ resumed }) =>
    resumed
      .slice(Math.max(0, resumed.length - Math.floor(limit)))
      .reverse()
      .map(({ topicId: _, ...decision }) => decision),
  );
}
