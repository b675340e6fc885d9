import type { Clock } from '../../ports/clock.ts';
import type { CommitOutcome, EntityChange, IngestBatch } from '../../ports/commit.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import { BatchWriter, planDisagrees } from './batch-writer.ts';
import type { Connection, Database } from './database.ts';
import { DueDeliveries } from './due-deliveries.ts';
import { journaledVersion } from './entity-versions.ts';
import { saveJob } from './jobs.ts';
import { readJournals } from './journal.ts';
import type { SqliteStoreOptions } from './options.ts';
import { Pace, slices } from './pace.ts';
import { insertQuarantined, writeRedrive } from './quarantine.ts';
import type { StoreTime } from './store-time.ts';
import { isForThread, packBatch } from './thread/thread-batch.ts';
import { WriterThread } from './thread/writer-thread.ts';
import type { ViewRows } from './view-rows.ts';

/** A batch with at least this many events is written by a thread. For fewer, the way there takes longer than the writing. */
const THREAD_EVENTS = 500;

/**
 * Commits one batch in one transaction. SQLite has one writer at a time, so `locking` takes no further locks: from the
 * beginning of the transaction on nobody else can change an entity.
 */
export class Committer {
  readonly #database: Database;
  readonly #view: ViewRows;
  readonly #writer: BatchWriter;
  readonly #clock: Clock;
  readonly #time: StoreTime;
  readonly #thread: WriterThread;
  readonly #threadEvents: number;

  constructor(
    database: Database,
    view: ViewRows,
    {
      clock,
      targets,
      threadEvents = THREAD_EVENTS,
    }: Pick<SqliteStoreOptions, 'clock' | 'targets' | 'threadEvents'>,
    time: StoreTime,
  ) {
    this.#database = database;
    this.#view = view;
    this.#writer = new BatchWriter(view, new DueDeliveries(targets));
    this.#thread = new WriterThread({ view: view.definition, targets });
    this.#clock = clock;
    this.#time = time;
    this.#threadEvents = threadEvents;
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    const planned =
      batch.mode === 'optimistic'
        ? await batch.plan(null, (entityIds, maxEvents) => this.readJournals(entityIds, maxEvents))
        : null;
    if (planned !== null && isForThread(batch, planned, this.#threadEvents)) {
      const { memory } = this.#thread;
      return this.#database.writeInThread(this.#thread, () =>
        packBatch(batch, planned, this.#clock.now(), memory),
      );
    }
    return this.#database.write<CommitOutcome>(
      async (writer) => {
        if (!this.#writer.isAllowed(writer, batch)) return { kind: 'fenced' };
        const changes = planned ?? (await planLocked(writer, this.#view, batch));
        insertQuarantined(writer, batch.quarantined);
        return this.#write(writer, batch, changes);
      },
      (outcome) => outcome.kind === 'committed',
    );
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
  ): Promise<CommitOutcome> {
    const outcome = await this.#writer.write(writer, batch, changes, this.#clock.now());
    if (outcome.kind !== 'committed' || batch.redrive === undefined) return outcome;
    const redrive = batch.redrive();
    if (!writeRedrive(writer, redrive)) return { kind: 'stale' };
    if (saveJob(writer, redrive.job, this.#time) === null) return { kind: 'fenced' };
    return outcome;
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
