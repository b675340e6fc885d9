import { DefectError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { CommitOutcome, EntityChange, IngestBatch } from '../../ports/commit.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import { moveCheckpoints } from './checkpoints.ts';
import type { Connection, Transaction } from './connection.ts';
import { makeDue } from './due-deliveries.ts';
import { saveJob } from './jobs.ts';
import { journalsOf } from './journal.ts';
import { entityLock, tableLock } from './lock-names.ts';
import { writeLong } from './long-journals.ts';
import { writeParking, wronglyFolded } from './parked.ts';
import { insertQuarantined, writeRedrive } from './quarantine.ts';
import { isViewAt } from './view-state.ts';
import type { ViewLayout, ViewTable } from './view-table.ts';

/**
 * Commits one batch in one transaction. It locks checkpoints first, then entities, then deliveries, then the quarantine
 * and its job, each in the sequence of the batch, which is sorted.
 */
export class Committer {
  readonly #connection: Connection;
  readonly #layout: ViewLayout;
  readonly #targets: readonly string[];

  constructor(connection: Connection, layout: ViewLayout, targets: readonly string[]) {
    this.#connection = connection;
    this.#layout = layout;
    this.#targets = targets;
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    const hasEntities = batch.entityIds.length > 0;
    if (batch.mode === 'locking' && hasEntities)
      return this.#connection.transaction((transaction) => this.#locking(transaction, batch));
    const changes = hasEntities
      ? await batch.plan(null, (entityIds, maxEvents) => this.#readForPlan(entityIds, maxEvents))
      : [];
    return this.#connection.transaction((transaction) => this.#optimistic(transaction, batch, changes));
  }

  /** As on MySQL, an entity without a row counts as new. If it has events, the commit is stale. */
  async #readForPlan(
    entityIds: readonly string[],
    maxEvents?: number,
  ): Promise<Map<string, JournaledEvent[]>> {
    const known = await this.#connection.read('read the versions of rows', () => {
      const { rows } = this.#table;
      return entityIds.filter((entityId) => rows.has(entityId));
    });
    if (known.length === 0) return new Map();
    return this.#connection.read('read journals', (schema) => journalsOf(schema, known, maxEvents));
  }

  get #table(): ViewTable {
    return this.#connection.database.viewTable(this.#layout.view.table);
  }

  async #optimistic(
    transaction: Transaction,
    batch: IngestBatch,
    changes: readonly EntityChange[],
  ): Promise<CommitOutcome> {
    if (!(await this.#isAllowed(transaction, batch))) return transaction.rollBack({ kind: 'fenced' });
    if (!(await this.#compareAndSet(transaction, changes))) return transaction.rollBack({ kind: 'stale' });
    return this.#write(transaction, batch, changes);
  }

  async #locking(transaction: Transaction, batch: IngestBatch): Promise<CommitOutcome> {
    if (!(await this.#isAllowed(transaction, batch))) return transaction.rollBack({ kind: 'fenced' });
    const { entityIds } = batch;
    await transaction.statement('lock rows');
    await transaction.lock(tableLock(this.#layout.view.table), 'shared');
    for (const entityId of entityIds) await transaction.lock(entityLock(entityId));
    await transaction.statement('read versions');
    const { journal } = transaction.schema;
    const versions = new Map(entityIds.map((entityId) => [entityId, journal.lastVersion(entityId)]));
    const changes = await batch.plan(versions, async (ids, maxEvents) => {
      await transaction.statement('read journals');
      return journalsOf(transaction.schema, ids, maxEvents);
    });
    if (changes.some(({ entityId, fromVersion }) => versions.get(entityId) !== fromVersion))
      throw planDisagrees(batch);
    await transaction.statement('write rows');
    this.#writeRows(transaction, changes.filter(hasRow));
    return this.#write(transaction, batch, changes);
  }

  /** A batch that moves no checkpoint is fenced by the state of the view. */
  #isAllowed(transaction: Transaction, { moves, viewEpoch }: IngestBatch): Promise<boolean> {
    return moves.length === 0
      ? isViewAt(transaction, this.#layout.view.table, viewEpoch)
      : moveCheckpoints(transaction, moves);
  }

  /** Writes each row if the stored one has the version that the change builds on. Answers whether all had it. */
  async #compareAndSet(transaction: Transaction, changes: readonly EntityChange[]): Promise<boolean> {
    const written = changes.filter(hasRow);
    if (written.length === 0) return true;
    const sent = transaction.statement('write rows');
    if (sent !== undefined) await sent;
    const shared = transaction.lock(tableLock(this.#layout.view.table), 'shared');
    if (shared !== undefined) await shared;
    for (const { entityId, fromVersion } of written) {
      const locked = transaction.lock(entityLock(entityId));
      if (locked !== undefined) await locked;
      const version = this.#table.get(entityId)?.version;
      if (fromVersion === 0 ? version !== undefined : version !== fromVersion) return false;
    }
    this.#writeRows(transaction, written);
    return true;
  }

  #writeRows(transaction: Transaction, changes: readonly EntityChange[]): void {
    const table = this.#table;
    const layout = this.#layout;
    if (changes.some(({ row }) => row !== null)) layout.requireAll(table);
    transaction.write(() => {
      for (const { entityId, row, version } of changes) {
        if (row === null) table.putVersion(entityId, version);
        else layout.write(table, entityId, row, version);
      }
    });
  }

  async #write(
    transaction: Transaction,
    batch: IngestBatch,
    changes: readonly EntityChange[],
  ): Promise<CommitOutcome> {
    if (!(await insertEvents(transaction, changes))) return transaction.rollBack({ kind: 'stale' });
    const long = changes.filter((change) => change.long !== undefined);
    if (long.length > 0) await writeLong(transaction, long);
    const parking = changes.filter((change) => change.parking !== undefined);
    if (parking.length > 0 && !(await writeParking(transaction, parking)))
      return transaction.rollBack({ kind: 'stale' });
    const parked = wronglyFolded(transaction, changes);
    if (parked.length > 0) return transaction.rollBack({ kind: 'stale', parked });
    const deliveriesDue = await makeDue(transaction, this.#targets, changes);
    if (batch.quarantined.length > 0) await insertQuarantined(transaction, batch.quarantined);
    if (batch.redrive !== undefined) {
      const redrive = batch.redrive();
      if (!(await writeRedrive(transaction, redrive))) return transaction.rollBack({ kind: 'stale' });
      if ((await saveJob(transaction, redrive.job)) === null) return transaction.rollBack({ kind: 'fenced' });
    }
    return { kind: 'committed', deliveriesDue };
  }
}

/** Adds the events of the changes to the journal. Answers false if the journal has later versions of an entity. */
async function insertEvents(transaction: Transaction, changes: readonly EntityChange[]): Promise<boolean> {
  const adding = changes.filter(({ events }) => events.length > 0);
  if (adding.length === 0) return true;
  const sent = transaction.statement('insert events');
  if (sent !== undefined) await sent;
  const { journal } = transaction.schema;
  if (adding.some(({ entityId, fromVersion }) => journal.lastVersion(entityId) > fromVersion)) return false;
  transaction.write(() => {
    for (const { entityId, fromVersion, events } of adding) journal.add(entityId, fromVersion, events);
  });
  return true;
}

/** Whether the change writes a row, or the version of one. */
function hasRow({ row, events }: EntityChange): boolean {
  return row !== null || events.length > 0;
}

function planDisagrees(batch: IngestBatch): DefectError {
  const partitions = batch.moves.map(partitionName).join(', ');
  return new DefectError(
    `The plan for a batch of ${partitions} does not build on the versions that it was given. Nothing was written.`,
  );
}
