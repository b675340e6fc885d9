import { DefectError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommitOutcome, EntityChange, IngestBatch } from '../../ports/commit.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import { moveCheckpoints } from './checkpoints.ts';
import type { Connection, Database } from './database.ts';
import type { DueDeliveries } from './due-deliveries.ts';
import { isJournaled, journaledVersion } from './entity-versions.ts';
import { isDuplicateKey } from './errors.ts';
import { saveJob } from './jobs.ts';
import { insertEvents, readJournals } from './journal.ts';
import { writeLong } from './journal-index.ts';
import { Pace, slices } from './pace.ts';
import { writeParking, wronglyFolded } from './parked.ts';
import { insertQuarantined, writeRedrive } from './quarantine.ts';
import type { StoreTime } from './store-time.ts';
import type { ViewRows } from './view-rows.ts';
import { isViewAt } from './view-state.ts';

/**
 * Commits one batch in one transaction. SQLite has one writer at a time, so `locking` takes no further locks: from the
 * beginning of the transaction on nobody else can change an entity.
 */
export class Committer {
  readonly #database: Database;
  readonly #view: ViewRows;
  readonly #due: DueDeliveries;
  readonly #clock: Clock;
  readonly #time: StoreTime;

  constructor(database: Database, view: ViewRows, due: DueDeliveries, clock: Clock, time: StoreTime) {
    this.#database = database;
    this.#view = view;
    this.#due = due;
    this.#clock = clock;
    this.#time = time;
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    const planned =
      batch.mode === 'optimistic'
        ? await batch.plan(null, (entityIds, maxEvents) => this.readJournals(entityIds, maxEvents))
        : null;
    return this.#database.write<CommitOutcome>(
      async (writer) => {
        if (!this.#isAllowed(writer, batch)) return { kind: 'fenced' };
        const changes = planned ?? (await planLocked(writer, this.#view, batch));
        insertQuarantined(writer, batch.quarantined);
        return this.#write(writer, batch, changes, planned !== null);
      },
      (outcome) => outcome.kind === 'committed',
    );
  }

  /**
   * Whether no checkpoint fences the batch, and moves the checkpoints. A batch that moves none is fenced by the record of
   * the view: an exchange of the tables raises the epochs of all checkpoints, which such a batch would not notice.
   */
  #isAllowed(writer: Connection, { moves, viewEpoch }: IngestBatch): boolean {
    return moves.length === 0
      ? isViewAt(writer, this.#view.definition.table, viewEpoch)
      : moveCheckpoints(writer, moves);
  }

  /** Reads committed journals, a slice of entities at a time, so that the event loop gets its turns. */
  async readJournals(
    entityIds: readonly string[],
    maxEvents?: number,
  ): Promise<Map<string, JournaledEvent[]>> {
    const journals = new Map<string, JournaledEvent[]>();
    const pace = new Pace();
    for (const slice of slices(entityIds)) {
      await this.#database.read((reader) => readJournals(reader, slice, journals, maxEvents));
      await pace.pass(slice.length);
    }
    return journals;
  }

  async #write(
    writer: Connection,
    batch: IngestBatch,
    changes: readonly EntityChange[],
    isOptimistic: boolean,
  ): Promise<CommitOutcome> {
    const nowMs = this.#clock.now();
    const pace = new Pace();
    let deliveriesDue = 0;
    for (const change of changes) {
      const isWritten = isOptimistic
        ? compareAndSet(writer, this.#view, change)
        : overwrite(writer, this.#view, change);
      if (!isWritten) {
        if (!isOptimistic) throw planDisagrees(batch);
        return { kind: 'stale' };
      }
      if (!writeParking(writer, change)) return { kind: 'stale' };
      writeLong(writer, change);
      deliveriesDue += this.#due.makeDue(writer, change, nowMs);
      await pace.pass(change.events.length);
    }
    const parked = wronglyFolded(writer, changes);
    if (parked.length > 0) return { kind: 'stale', parked };
    if (batch.redrive !== undefined) {
      const redrive = batch.redrive();
      if (!writeRedrive(writer, redrive)) return { kind: 'stale' };
      if (saveJob(writer, redrive.job, this.#time) === null) return { kind: 'fenced' };
    }
    return { kind: 'committed', deliveriesDue };
  }
}

async function planLocked(
  writer: Connection,
  view: ViewRows,
  batch: IngestBatch,
): Promise<readonly EntityChange[]> {
  const versions = new Map<string, number>();
  // The versions come from the journal, because a row of the view may be missing or altered.
  for (const entityId of batch.entityIds) versions.set(entityId, journaledVersion(writer, view, entityId));
  const changes = await batch.plan(versions, async (entityIds, maxEvents) => {
    const journals = new Map<string, JournaledEvent[]>();
    const pace = new Pace();
    for (const slice of slices(entityIds)) {
      readJournals(writer, slice, journals, maxEvents);
      await pace.pass(slice.length);
    }
    return journals;
  });
  if (changes.some(({ entityId, fromVersion }) => versions.get(entityId) !== fromVersion))
    throw planDisagrees(batch);
  return changes;
}

/**
 * Writes the change if the entity has the version that the change builds on. Answers whether it had; if not, the
 * transaction has to be rolled back. Only the journal shows that an entity is new, because its row may be missing.
 */
function compareAndSet(writer: Connection, view: ViewRows, change: EntityChange): boolean {
  if (change.fromVersion === 0 && isJournaled(writer, change.entityId)) return false;
  return view.compareAndSet(writer, change) && areNew(writer, change);
}

/** Writes the change whatever the row holds. The plan has read the journal, and nobody else can write meanwhile. */
function overwrite(writer: Connection, view: ViewRows, change: EntityChange): boolean {
  view.overwrite(writer, change);
  return areNew(writer, change);
}

/** Writes the change's events. Answers false if the journal has one of them already. */
function areNew(writer: Connection, change: EntityChange): boolean {
  try {
    insertEvents(writer, change);
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

function planDisagrees(batch: IngestBatch): DefectError {
  const partitions = batch.moves.map(partitionName).join(', ');
  return new DefectError(
    `The plan for a batch of ${partitions} does not build on the versions that it was given, or writes an event twice. Nothing was written.`,
  );
}
