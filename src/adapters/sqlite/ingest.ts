import { DefectError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommitOutcome, EntityChange, IngestBatch, JournaledEvent } from '../../ports/store.ts';
import { moveCheckpoints } from './checkpoints.ts';
import { type Connection, type Database, Pace, slices } from './connection.ts';
import { makeDue } from './deliveries.ts';
import { isPrimaryKeyClash } from './errors.ts';
import { insertEvents, isJournaled, readJournals } from './journal.ts';
import { journaledVersion, writeLong } from './long-journals.ts';
import { writeParking } from './parked.ts';
import { insertQuarantined } from './quarantine.ts';
import type { ViewTable } from './view-table.ts';

export interface IngestContext {
  readonly database: Database;
  readonly view: ViewTable;
  readonly clock: Clock;
  readonly targets: readonly string[];
}

/**
 * One transaction for the whole batch. SQLite has one writer at a time, so `locking` needs no locks of its own:
 * from the transaction's beginning on nobody else can change an entity.
 */
export async function commit(context: IngestContext, batch: IngestBatch): Promise<CommitOutcome> {
  const { database, view, clock, targets } = context;
  const planned =
    batch.mode === 'optimistic'
      ? await batch.plan(null, (entityIds, maxEvents) => readJournalsOf(database, entityIds, maxEvents))
      : null;
  return database.write<CommitOutcome>(
    async (writer) => {
      if (!moveCheckpoints(writer, batch.moves)) return { kind: 'fenced' };
      const changes = planned ?? (await planLocked(writer, view, batch));
      insertQuarantined(writer, batch.quarantined);

      const nowMs = clock.now();
      const pace = new Pace();
      let deliveriesDue = 0;
      for (const change of changes) {
        const isWritten =
          planned === null ? overwrite(writer, view, change) : compareAndSet(writer, view, change);
        if (!isWritten) {
          if (planned === null) throw planDisagrees(batch);
          return { kind: 'conflict' };
        }
        if (!writeParking(writer, change)) return { kind: 'conflict' };
        writeLong(writer, change);
        deliveriesDue += makeDue(writer, targets, change, nowMs);
        await pace.pass(change.events.length);
      }
      return { kind: 'committed', deliveriesDue };
    },
    (outcome) => outcome.kind === 'committed',
  );
}

/** The journals as they are committed, read a slice at a time so that the event loop keeps its turns. */
export async function readJournalsOf(
  database: Database,
  entityIds: readonly string[],
  maxEvents?: number,
): Promise<Map<string, JournaledEvent[]>> {
  const journals = new Map<string, JournaledEvent[]>();
  const pace = new Pace();
  for (const slice of slices(entityIds)) {
    await database.read((reader) => readJournals(reader, slice, journals, maxEvents));
    await pace.pass(slice.length);
  }
  return journals;
}

async function planLocked(
  writer: Connection,
  view: ViewTable,
  batch: IngestBatch,
): Promise<readonly EntityChange[]> {
  const versions = new Map<string, number>();
  // The journal says which version an entity has: its row in the view may be missing, or altered.
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
 * Writes the change if the entity is as it says. Answers whether it was: if not, the transaction has to be rolled back.
 * The row alone cannot tell that an entity is new, since it may be missing: the journal can.
 */
function compareAndSet(writer: Connection, view: ViewTable, change: EntityChange): boolean {
  if (change.fromVersion === 0 && isJournaled(writer, change.entityId)) return false;
  return view.compareAndSet(writer, change) && areNew(writer, change.events);
}

/** Writes the change whatever the row holds: the plan knows the journal, and nobody else can write. */
function overwrite(writer: Connection, view: ViewTable, change: EntityChange): boolean {
  view.overwrite(writer, change);
  return areNew(writer, change.events);
}

/** Writes the events, and answers whether none of them was in the journal. */
function areNew(writer: Connection, events: readonly JournaledEvent[]): boolean {
  try {
    insertEvents(writer, events);
    return true;
  } catch (error) {
    if (isPrimaryKeyClash(error)) return false;
    throw error;
  }
}

function planDisagrees(batch: IngestBatch): DefectError {
  const partitions = batch.moves.map(partitionName).join(', ');
  return new DefectError(
    `The plan for a batch of ${partitions} does not build on the versions that it was given, or writes an event twice. Nothing was written.`,
  );
}
