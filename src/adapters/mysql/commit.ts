import type { PoolConnection } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { DefectError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { CommitOutcome, EntityChange, IngestBatch } from '../../ports/commit.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import { moveCheckpoints } from './checkpoints.ts';
import { inTransaction, Rollback, resultOf, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { DueDeliveries } from './due-deliveries.ts';
import { isDuplicateKey } from './errors.ts';
import { saveJob } from './jobs.ts';
import { insertEvents, readJournals } from './journal.ts';
import { writeLong } from './journal-index.ts';
import { writeParking, wronglyFolded } from './parked.ts';
import { insertQuarantined, writeRedrive } from './quarantine.ts';
import { bodySize } from './segments.ts';
import type { StoreTime } from './store-time.ts';
import { ViewRows } from './view-rows.ts';
import { isViewAt } from './view-state.ts';

/**
 * Commits one batch in one transaction. It locks checkpoints first, then view rows, then the journal, then deliveries,
 * then the quarantine and its job, and touches what belongs to an entity only while it holds the entity's view row. View rows are locked by id, so two
 * batches rarely deadlock; if they do, the lane tries the batch again after `store_busy`.
 *
 * Two compare-and-sets protect an optimistic batch. The view's row must have the version that the change builds on
 * (`ViewRows`), so nothing builds on a history that the server has lost. And the journal's key allows one segment for
 * each version, so only one of two batches that build on the same version commits.
 */
export class Committer {
  readonly #pool: ConnectionPool;
  readonly #deliveries: DueDeliveries;
  readonly #rows: ViewRows;
  readonly #table: string;
  readonly #time: StoreTime;

  constructor(pool: ConnectionPool, view: ViewShape, deliveries: DueDeliveries, time: StoreTime) {
    this.#pool = pool;
    this.#time = time;
    this.#deliveries = deliveries;
    this.#rows = new ViewRows(view);
    this.#table = view.table;
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    if (batch.mode === 'locking' && batch.entityIds.length > 0) {
      return inTransaction(this.#pool, async (connection) => {
        if (!(await this.#isAllowed(connection, batch)))
          throw new Rollback<CommitOutcome>({ kind: 'fenced' });
        const locked = await this.#rows.lock(connection, batch.entityIds);
        const changes = await batch.plan(locked.versions, (ids, maxEvents) =>
          readKnown(connection, locked.versions, ids, maxEvents),
        );
        if (changes.some(({ entityId, fromVersion }) => locked.versions.get(entityId) !== fromVersion))
          throw planDisagrees(batch);
        await this.#rows.dropUnused(connection, locked.created, changes);
        await this.#rows.overwrite(connection, changes);
        return this.#write(connection, batch, changes);
      });
    }
    const changes =
      batch.entityIds.length === 0
        ? []
        : await batch.plan(null, (ids, maxEvents) => this.#readKnownJournals(ids, maxEvents));
    return inTransaction(this.#pool, async (connection) => {
      if (isSmall(batch, changes)) return this.#writeTogether(connection, batch, changes);
      if (!(await this.#isAllowed(connection, batch))) throw new Rollback<CommitOutcome>({ kind: 'fenced' });
      if (!(await this.#rows.compareAndSet(connection, changes)))
        throw new Rollback<CommitOutcome>({ kind: 'stale' });
      return this.#write(connection, batch, changes);
    });
  }

  /**
   * Writes a small batch with statements that are sent together, in the same sequence as those of a large one: a small
   * transaction takes most of its time on the way to the server and back. Their answers are looked at afterwards, and
   * what must not stand is rolled back.
   */
  async #writeTogether(
    connection: PoolConnection,
    batch: IngestBatch,
    changes: readonly EntityChange[],
  ): Promise<CommitOutcome> {
    const [moved, written, journaled, parked, due] = await Promise.allSettled([
      moveCheckpoints(connection, batch.moves),
      this.#rows.compareAndSet(connection, changes),
      insertEvents(connection, changes),
      wronglyFolded(connection, changes),
      this.#deliveries.makeDue(connection, changes),
    ]);
    if (!resultOf(moved)) throw new Rollback<CommitOutcome>({ kind: 'fenced' });
    if (!resultOf(written) || isDuplicate(journaled)) throw new Rollback<CommitOutcome>({ kind: 'stale' });
    resultOf(journaled);
    if (resultOf(parked).length > 0)
      throw new Rollback<CommitOutcome>({ kind: 'stale', parked: resultOf(parked) });
    return { kind: 'committed', deliveriesDue: resultOf(due) };
  }

  /**
   * Whether no checkpoint fences the batch, and moves the checkpoints. A batch that moves none is fenced by the record of
   * the view: an exchange of the tables raises the epochs of all checkpoints, which such a batch would not notice.
   */
  #isAllowed(connection: PoolConnection, { moves, viewEpoch }: IngestBatch): Promise<boolean> {
    return moves.length === 0
      ? isViewAt(connection, this.#table, viewEpoch)
      : moveCheckpoints(connection, moves);
  }

  async readJournals(
    entityIds: readonly string[],
    maxEvents?: number,
  ): Promise<Map<string, JournaledEvent[]>> {
    return withConnection(this.#pool, (connection) => readJournals(connection, entityIds, maxEvents));
  }

  /**
   * Reads journals for an optimistic plan. Most entities that the cache lacks are new, and looking for the view's short
   * rows costs less than searching the journal. If a row is missing although the entity has events, the journal's key
   * refuses the change, and the batch is planned again from the journal.
   */
  async #readKnownJournals(
    entityIds: readonly string[],
    maxEvents?: number,
  ): Promise<Map<string, JournaledEvent[]>> {
    return withConnection(this.#pool, async (connection) => {
      const versions = await this.#rows.versions(connection, entityIds);
      return readKnown(connection, versions, [...versions.keys()], maxEvents);
    });
  }

  async #write(
    connection: PoolConnection,
    batch: IngestBatch,
    changes: readonly EntityChange[],
  ): Promise<CommitOutcome> {
    try {
      await insertEvents(connection, changes);
    } catch (error) {
      if (isDuplicateKey(error)) throw new Rollback<CommitOutcome>({ kind: 'stale' });
      throw error;
    }
    const long = changes.filter((change) => change.long !== undefined);
    if (long.length > 0) await writeLong(connection, long);
    const parking = changes.filter((change) => change.parking !== undefined);
    if (parking.length > 0 && !(await writeParking(connection, parking)))
      throw new Rollback<CommitOutcome>({ kind: 'stale' });
    const parked = await wronglyFolded(connection, changes);
    if (parked.length > 0) throw new Rollback<CommitOutcome>({ kind: 'stale', parked });
    const deliveriesDue = await this.#deliveries.makeDue(connection, changes);
    await insertQuarantined(connection, batch.quarantined);
    if (batch.redrive !== undefined) await this.#redrive(connection, batch.redrive());
    return { kind: 'committed', deliveriesDue };
  }

  async #redrive(
    connection: PoolConnection,
    redrive: ReturnType<NonNullable<IngestBatch['redrive']>>,
  ): Promise<void> {
    if (!(await writeRedrive(connection, redrive))) throw new Rollback<CommitOutcome>({ kind: 'stale' });
    if ((await saveJob(connection, redrive.job, this.#time)) === null)
      throw new Rollback<CommitOutcome>({ kind: 'fenced' });
  }
}

/** The most entities of a batch whose statements are sent together, so that each of them is one packet or few. */
const SMALL_CHANGES = 64;
const SMALL_BYTES = 128 * 1024;

/** Whether the statements of the batch are few, and none of them depends on what another one answers. */
function isSmall({ moves, quarantined, redrive }: IngestBatch, changes: readonly EntityChange[]): boolean {
  if (moves.length === 0 || changes.length > SMALL_CHANGES) return false;
  if (quarantined.length > 0 || redrive !== undefined) return false;
  // A checkpoint that stays where it is needs a second look.
  if (moves.some(({ fromOffset, toOffset }) => fromOffset === toOffset)) return false;
  let bytes = 0;
  for (const { row, long, parking, delivery, events } of changes) {
    if (row === null || long !== undefined || parking !== undefined || delivery.replaces !== undefined)
      return false;
    for (const event of events) bytes += bodySize(event);
  }
  return bytes <= SMALL_BYTES;
}

function isDuplicate(ended: PromiseSettledResult<unknown>): boolean {
  return ended.status === 'rejected' && isDuplicateKey(ended.reason);
}

/**
 * Reads the journals of entities whose versions are known, so that the server reads only the beginning of a long one.
 */
async function readKnown(
  connection: PoolConnection,
  versions: ReadonlyMap<string, number>,
  entityIds: readonly string[],
  maxEvents = Number.POSITIVE_INFINITY,
): Promise<Map<string, JournaledEvent[]>> {
  const limit = Number.isFinite(maxEvents) ? maxEvents : undefined;
  const isLong = (entityId: string) => (versions.get(entityId) ?? 0) > maxEvents;
  if (!entityIds.some(isLong)) return readJournals(connection, entityIds, limit);
  const short = entityIds.filter((entityId) => !isLong(entityId));
  const journals = await readJournals(connection, short, limit);
  const beginnings = await readJournals(connection, entityIds.filter(isLong), limit, true);
  return new Map([...journals, ...beginnings]);
}

function planDisagrees(batch: IngestBatch): DefectError {
  const partitions = batch.moves.map(partitionName).join(', ');
  return new DefectError(
    `The plan for a batch of ${partitions} does not build on the versions that it was given. Nothing was written.`,
  );
}
