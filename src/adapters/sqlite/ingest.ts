import { TributaryError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommitOutcome, EntityChange, IngestBatch, JournaledEvent } from '../../ports/store.ts';
import { moveCheckpoints } from './checkpoints.ts';
import { type Connection, type Database, Pace, slices } from './connection.ts';
import { makeDue } from './deliveries.ts';
import { isPrimaryKeyClash } from './errors.ts';
import { insertEvents, readJournals } from './journal.ts';
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
      ? await batch.plan(null, (entityIds) => readJournalsOf(database, entityIds))
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
        if (!applyChange(writer, view, change)) {
          if (planned === null) throw planDisagrees(batch);
          return { kind: 'conflict' };
        }
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
): Promise<Map<string, JournaledEvent[]>> {
  const journals = new Map<string, JournaledEvent[]>();
  const pace = new Pace();
  for (const slice of slices(entityIds)) {
    await database.read((reader) => readJournals(reader, slice, journals));
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
  for (const entityId of batch.entityIds) versions.set(entityId, view.version(writer, entityId));
  return batch.plan(versions, async (entityIds) => {
    const journals = new Map<string, JournaledEvent[]>();
    const pace = new Pace();
    for (const slice of slices(entityIds)) {
      readJournals(writer, slice, journals);
      await pace.pass(slice.length);
    }
    return journals;
  });
}

/** Whether the entity was as the change says. */
function applyChange(writer: Connection, view: ViewTable, change: EntityChange): boolean {
  if (!view.write(writer, change)) return false;
  try {
    insertEvents(writer, change.events);
    return true;
  } catch (error) {
    if (isPrimaryKeyClash(error)) return false;
    throw error;
  }
}

function planDisagrees(batch: IngestBatch): TributaryError {
  const partitions = batch.moves.map(partitionName).join(', ');
  return new TributaryError(
    'store_refused',
    `The plan for a batch of ${partitions} does not build on the versions that it was given, or writes an event twice. Nothing was written; this is a bug in the caller.`,
  );
}
