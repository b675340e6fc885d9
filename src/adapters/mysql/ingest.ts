import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
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
import { insertJournal, readJournals, text } from './journal.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { identifier, type ViewSchema, viewTypes, writeViewRow } from './schema.ts';

/**
 * The one transaction of a batch. Locks are taken on checkpoints first, then on view rows, then on the journal, then
 * on deliveries; what belongs to an entity is only touched while its view row is held. View rows are taken by id,
 * so two batches rarely deadlock; where they do, `store_busy` makes the batch be done again.
 *
 * The journal's key is the compare-and-set: of two batches that build on one version of an entity, the second finds
 * a segment where it wants to put its own, and everything it wrote goes back. So the view's rows may be written
 * without a look at what they were.
 */
export class Ingest {
  readonly #pool: ConnectionPool;
  readonly #deliveries: DueDeliveries;
  readonly #upsertView: RowsStatement<EntityChange>;
  readonly #lockOrCreate: RowsStatement<string>;
  readonly #selectVersions: (count: number) => string;
  readonly #deleteUnused: (count: number) => string;

  constructor(pool: ConnectionPool, view: ViewSchema, deliveries: DueDeliveries) {
    this.#pool = pool;
    this.#deliveries = deliveries;
    const table = identifier(view.table);
    const key = identifier(view.keyColumn);
    const values = [...view.columns.map((column) => identifier(column.name)), 'version'];
    this.#upsertView = new RowsStatement({
      before: `INSERT INTO ${table} (${[key, ...values].join(', ')}) VALUES`,
      row: `(${marks(values.length + 1)})`,
      after: `ON DUPLICATE KEY UPDATE ${values.map((name) => `${name} = VALUES(${name})`).join(', ')}`,
      columns: ['bytes', ...viewTypes(view), 'integer'],
      write(writer, change) {
        writer.text(change.entityId);
        writeViewRow(writer, view, change.row);
        writer.integer(change.version);
      },
    });
    this.#lockOrCreate = new RowsStatement({
      before: `INSERT INTO ${table} (${key}, version) VALUES`,
      row: '(?,0)',
      after: 'ON DUPLICATE KEY UPDATE version = version',
      columns: ['bytes'],
      write: (writer, entityId) => writer.text(entityId),
    });
    this.#deleteUnused = (count) => `DELETE FROM ${table} WHERE ${key} IN (${marks(count)}) AND version = 0`;
    // The server may still take a table that has just grown for an empty one, and would read it all.
    this.#selectVersions = (count) =>
      `SELECT ${key}, version FROM ${table} FORCE INDEX (PRIMARY) WHERE ${key} IN (${marks(count)})`;
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    if (batch.mode === 'locking' && batch.entityIds.length > 0) {
      return inTransaction(this.#pool, async (connection) => {
        await moveCheckpoints(connection, batch);
        const versions = await this.#lock(connection, batch.entityIds);
        const changes = await batch.plan(versions, (ids) => readJournals(connection, ids));
        await this.#dropUnused(connection, versions, changes);
        return this.#write(connection, batch, changes);
      });
    }
    const changes =
      batch.entityIds.length === 0 ? [] : await batch.plan(null, (ids) => this.readJournals(ids));
    return inTransaction(this.#pool, async (connection) => {
      await moveCheckpoints(connection, batch);
      return this.#write(connection, batch, changes);
    });
  }

  async readJournals(entityIds: readonly string[]): Promise<Map<string, JournaledEvent[]>> {
    if (entityIds.length === 0) return new Map();
    return withConnection(this.#pool, async (connection) => {
      // Most entities that nobody remembers are new: a look at the view's short rows tells that for less.
      const versions = await this.#readVersions(connection, entityIds);
      return readJournals(connection, [...versions.keys()]);
    });
  }

  /** Locks the entities' view rows, making those that are not there, and reads their versions. */
  async #lock(connection: PoolConnection, entityIds: readonly string[]): Promise<Map<string, number>> {
    await this.#lockOrCreate.run(connection, entityIds);
    return this.#readVersions(connection, entityIds);
  }

  /** The versions of the entities that have a row in the view. */
  async #readVersions(
    connection: PoolConnection,
    entityIds: readonly string[],
  ): Promise<Map<string, number>> {
    const versions = new Map<string, number>();
    for (const ids of chunksOf(entityIds)) {
      const [rows] = await connection.execute<RowDataPacket[]>(this.#selectVersions(ids.length), ids);
      for (const row of rows) versions.set(text(row[0]), Number(row[1]));
    }
    return versions;
  }

  /** What was made only to be locked, and then gained nothing, goes. */
  async #dropUnused(
    connection: PoolConnection,
    versions: ReadonlyMap<string, number>,
    changes: readonly EntityChange[],
  ): Promise<void> {
    const changed = new Set(changes.map((change) => change.entityId));
    const unused = [...versions]
      .filter(([id, version]) => version === 0 && !changed.has(id))
      .map(([id]) => id);
    for (const ids of chunksOf(unused)) await connection.execute(this.#deleteUnused(ids.length), ids);
  }

  async #write(
    connection: PoolConnection,
    batch: IngestBatch,
    changes: readonly EntityChange[],
  ): Promise<CommitOutcome> {
    await this.#upsertView.run(connection, changes);
    try {
      await insertJournal(connection, changes);
    } catch (error) {
      if (isDuplicateKey(error)) throw new Rollback<CommitOutcome>({ kind: 'conflict' });
      throw error;
    }
    const deliveriesDue = await this.#deliveries.makeDue(connection, changes);
    await insertQuarantine.run(connection, batch.quarantined);
    return { kind: 'committed', deliveriesDue };
  }
}

async function moveCheckpoints(connection: PoolConnection, batch: IngestBatch): Promise<void> {
  for (const move of batch.moves) {
    const [result] = await connection.execute<ResultSetHeader>(
      'UPDATE checkpoints SET next_offset = ? WHERE topic = ? AND partition_id = ? AND next_offset = ? ' +
        'AND epoch = ? AND halt_reason IS NULL',
      [move.toOffset, move.topic, move.partition, move.fromOffset, move.epoch] as never[],
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
