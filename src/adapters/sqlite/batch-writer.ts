import { DefectError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type { CommitOutcome, EntityChange, IngestBatch } from '../../ports/commit.ts';
import { moveCheckpoints } from './checkpoints.ts';
import type { Connection } from './database.ts';
import type { DueDeliveries } from './due-deliveries.ts';
import { isJournaled } from './entity-versions.ts';
import { isDuplicateKey } from './errors.ts';
import { insertEvents } from './journal.ts';
import { writeLong } from './journal-index.ts';
import { Pace } from './pace.ts';
import { writeParking, wronglyFolded } from './parked.ts';
import type { ViewRows } from './view-rows.ts';
import { isViewAt } from './view-state.ts';

/** The part of a batch that its writing needs. */
export type BatchHead = Pick<IngestBatch, 'moves' | 'viewEpoch' | 'mode'>;

/** Writes the changes of a batch, within a transaction of its caller, who rolls back if the outcome is not `committed`. */
export class BatchWriter {
  readonly #view: ViewRows;
  readonly #due: DueDeliveries;

  constructor(view: ViewRows, due: DueDeliveries) {
    this.#view = view;
    this.#due = due;
  }

  /**
   * Whether no checkpoint fences the batch, and moves the checkpoints. A batch that moves none is fenced by the record of
   * the view: an exchange of the tables raises the epochs of all checkpoints, which such a batch would not notice.
   */
  isAllowed(writer: Connection, { moves, viewEpoch }: BatchHead): boolean {
    return moves.length === 0
      ? isViewAt(writer, this.#view.definition.table, viewEpoch)
      : moveCheckpoints(writer, moves);
  }

  /** Writes everything but the checkpoints. `nowMs` is when deliveries become due. */
  async write(
    writer: Connection,
    batch: BatchHead,
    changes: readonly EntityChange[],
    nowMs: number,
  ): Promise<CommitOutcome> {
    const isOptimistic = batch.mode === 'optimistic';
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
    return { kind: 'committed', deliveriesDue };
  }
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

export function planDisagrees(batch: BatchHead): DefectError {
  const partitions = batch.moves.map(partitionName).join(', ');
  return new DefectError(
    `The plan for a batch of ${partitions} does not build on the versions that it was given, or writes an event twice. Nothing was written.`,
  );
}
