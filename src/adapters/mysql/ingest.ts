import type { PoolConnection, ResultSetHeader } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { DefectError } from '../../core/errors.ts';
import { partitionName } from '../../core/offset.ts';
import type {
  CommitOutcome,
  EntityChange,
  IngestBatch,
  JournaledEvent,
  QuarantinedRecord,
} from '../../ports/store.ts';
import { inTransaction, Rollback, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { DueDeliveries } from './deliveries.ts';
import { isDuplicateKey } from './errors.ts';
import { insertJournal, readJournals } from './journal.ts';
import { writeLong } from './journal-index.ts';
import { writeParking } from './parked.ts';
import { RowsStatement } from './rows-statement.ts';
import { ViewRows } from './view-rows.ts';

/**
 * The one transaction of a batch. Locks are taken on checkpoints first, then on view rows, then on the journal, then
 * on deliveries; what belongs to an entity is only touched while its view row is held. View rows are taken by id,
 * so two batches rarely deadlock; where they do, `store_busy` makes the batch be done again.
 *
 * Two compare-and-sets make an optimistic batch right. The view's row must have the version that the change builds on
 * (`ViewRows`), so nothing is written on a history that the server has lost. And the journal's key takes no second
 * segment at one version, so of two batches that build on one version only one commits.
 */
export class Ingest {
  readonly #pool: ConnectionPool;
  readonly #deliveries: DueDeliveries;
  readonly #rows: ViewRows;

  constructor(pool: ConnectionPool, view: ViewShape, deliveries: DueDeliveries) {
    this.#pool = pool;
    this.#deliveries = deliveries;
    this.#rows = new ViewRows(view);
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    if (batch.mode === 'locking' && batch.entityIds.length > 0) {
      return inTransaction(this.#pool, async (connection) => {
        await moveCheckpoints(connection, batch);
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
      await moveCheckpoints(connection, batch);
      if (!(await this.#rows.compareAndSet(connection, changes)))
        throw new Rollback<CommitOutcome>({ kind: 'conflict' });
      return this.#write(connection, batch, changes);
    });
  }

  async readJournals(
    entityIds: readonly string[],
    maxEvents?: number,
  ): Promise<Map<string, JournaledEvent[]>> {
    return withConnection(this.#pool, (connection) => readJournals(connection, entityIds, maxEvents));
  }

  /**
   * For an optimistic plan. Most entities that nobody remembers are new, and a look at the view's short rows costs less
   * than one at the journal. Where a row is missing, the journal's key refuses what is built on that, and the batch is
   * planned again, from the journal.
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
      await insertJournal(connection, changes);
    } catch (error) {
      if (isDuplicateKey(error)) throw new Rollback<CommitOutcome>({ kind: 'conflict' });
      throw error;
    }
    const long = changes.filter((change) => change.long !== undefined);
    if (long.length > 0) await writeLong(connection, long);
    const parking = changes.filter((change) => change.parking !== undefined);
    if (parking.length > 0 && !(await writeParking(connection, parking)))
      throw new Rollback<CommitOutcome>({ kind: 'conflict' });
    const deliveriesDue = await this.#deliveries.makeDue(connection, changes);
    await insertQuarantine.run(connection, batch.quarantined);
    return { kind: 'committed', deliveriesDue };
  }
}

/** The journals of entities whose versions are known, so that of a long one the server reads only the beginning. */
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

async function moveCheckpoints(connection: PoolConnection, batch: IngestBatch): Promise<void> {
  for (const move of batch.moves) {
    const [result] = await connection.execute<ResultSetHeader>(
      'UPDATE checkpoints SET next_offset = ?, leader_epoch = ? WHERE topic = ? AND partition_id = ? AND next_offset = ? ' +
        'AND epoch = ? AND halt_reason IS NULL',
      [move.toOffset, move.leaderEpoch, move.topic, move.partition, move.fromOffset, move.epoch] as never[],
    );
    if (result.affectedRows !== 1) throw new Rollback<CommitOutcome>({ kind: 'fenced' });
  }
}

/** A record that was quarantined before its partition was rewound by a decision keeps its first entry. */
const insertQuarantine = new RowsStatement<QuarantinedRecord>({
  before:
    'INSERT INTO quarantine (topic, partition_id, record_offset, reason, detail, record_key, record_value, ' +
    'value_length, value_hash, headers, observed_at) VALUES',
  row: '(?,?,?,?,?,?,?,?,?,?,?)',
  after: 'ON DUPLICATE KEY UPDATE topic = topic',
  columns: [
    'text',
    'integer',
    'integer',
    'text',
    'text',
    'bytes',
    'bytes',
    'integer',
    'bytes',
    'bytes',
    'integer',
  ],
  write(writer, record) {
    writer.text(record.topic);
    writer.integer(record.partition);
    writer.integer(record.offset);
    writer.text(record.reason);
    writer.text(record.detail);
    writer.bytes(record.key);
    writer.bytes(record.value);
    writer.integer(record.valueLength);
    writer.hex(record.valueHash);
    writer.bytes(record.headers);
    writer.integer(record.observedAtMs);
  },
});
