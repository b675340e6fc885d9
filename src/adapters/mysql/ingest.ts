import type { Pool, PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type {
  CommitOutcome,
  EntityChange,
  IngestBatch,
  JournaledEvent,
  QuarantinedRecord,
} from '../../ports/store.ts';
import { inTransaction, isDuplicateKey, Rollback, withConnection } from './connection.ts';
import type { DueDeliveries } from './deliveries.ts';
import { insertJournal, journaledEvent, journalParameters, selectJournals, text } from './journal-rows.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { identifier, type ViewSchema } from './schema.ts';

/**
 * The one transaction of a batch. Locks are always taken in the same sequence: checkpoints, then view rows by
 * id, then deliveries by id; what belongs to an entity is only touched while its view row is held.
 *
 * A view row is written only if it still has the version that the change builds on. New rows are inserted, so
 * a row that somebody else made meanwhile is a duplicate key; known rows are upserted with a condition on the
 * version, and the server counts two for a row that it changed and none for one that it left: fewer than two
 * a row is a conflict.
 */
export class Ingest {
  readonly #pool: Pool;
  readonly #deliveries: DueDeliveries;
  readonly #insertNew: RowsStatement;
  readonly #updateKnown: RowsStatement;
  /** How many conditions on the version #updateKnown holds. */
  readonly #guards: number;
  readonly #lockOrCreate: RowsStatement;
  readonly #selectVersions: (count: number) => string;
  readonly #deleteUnused: (count: number) => string;

  constructor(pool: Pool, view: ViewSchema, deliveries: DueDeliveries) {
    this.#pool = pool;
    this.#deliveries = deliveries;
    const table = identifier(view.table);
    const key = identifier(view.keyColumn);
    const names = view.columns.map((column) => identifier(column.name));
    const into = `INSERT INTO ${table} (${[key, ...names, 'version'].join(', ')}) VALUES`;
    const row = `(${new Array(names.length + 2).fill('?').join(',')})`;
    // Assignments run from left to right, so the version, which the others look at, is the last one.
    const guarded = [...names, 'version'].map(
      (name) => `${name} = IF(version = VALUES(version) - ?, VALUES(${name}), ${name})`,
    );
    this.#guards = guarded.length;
    this.#insertNew = new RowsStatement(into, row);
    this.#updateKnown = new RowsStatement(into, row, `ON DUPLICATE KEY UPDATE ${guarded.join(', ')}`);
    this.#lockOrCreate = new RowsStatement(
      `INSERT INTO ${table} (${key}, version) VALUES`,
      '(?,0)',
      'ON DUPLICATE KEY UPDATE version = version',
    );
    this.#deleteUnused = (count) => `DELETE FROM ${table} WHERE ${key} IN (${marks(count)}) AND version = 0`;
    this.#selectVersions = (count) =>
      `SELECT ${key}, version FROM ${table} WHERE ${key} IN (${marks(count)})`;
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    if (batch.mode === 'locking' && batch.entityIds.length > 0) {
      return inTransaction(this.#pool, async (connection) => {
        await moveCheckpoints(connection, batch);
        const versions = await this.#lock(connection, batch.entityIds);
        const changes = await batch.plan(versions, (ids) => readJournals(connection, ids));
        await this.#dropUnused(connection, versions, changes);
        return this.#write(connection, batch, changes, 'rows_exist');
      });
    }
    const changes =
      batch.entityIds.length === 0 ? [] : await batch.plan(null, (ids) => this.readJournals(ids));
    return inTransaction(this.#pool, async (connection) => {
      await moveCheckpoints(connection, batch);
      return this.#write(connection, batch, changes, 'as_planned');
    });
  }

  async readJournals(entityIds: readonly string[]): Promise<Map<string, JournaledEvent[]>> {
    if (entityIds.length === 0) return new Map();
    return withConnection(this.#pool, (connection) => readJournals(connection, entityIds));
  }

  /** Locks the entities' view rows, making those that are not there, and reads their versions. */
  async #lock(connection: PoolConnection, entityIds: readonly string[]): Promise<Map<string, number>> {
    await this.#lockOrCreate.run(
      connection,
      entityIds.map((id) => [id]),
    );
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
    rows: 'rows_exist' | 'as_planned',
  ): Promise<CommitOutcome> {
    try {
      await this.#writeView(connection, changes, rows);
      await insertJournal.run(
        connection,
        changes.flatMap((change) => change.events.map(journalParameters)),
      );
    } catch (error) {
      if (isDuplicateKey(error)) throw new Rollback<CommitOutcome>({ kind: 'conflict' });
      throw error;
    }
    const deliveriesDue = await this.#deliveries.makeDue(connection, changes);
    await insertQuarantine.run(connection, batch.quarantined.map(quarantineParameters));
    return { kind: 'committed', deliveriesDue };
  }

  async #writeView(
    connection: PoolConnection,
    changes: readonly EntityChange[],
    rows: 'rows_exist' | 'as_planned',
  ): Promise<void> {
    const fresh: EntityChange[] = [];
    const knownByStep = new Map<number, EntityChange[]>();
    for (const change of changes) {
      if (change.fromVersion === 0 && rows === 'as_planned') {
        fresh.push(change);
        continue;
      }
      const step = change.version - change.fromVersion;
      const sameStep = knownByStep.get(step);
      if (sameStep === undefined) knownByStep.set(step, [change]);
      else sameStep.push(change);
    }
    const parameters = (change: EntityChange) => [change.entityId, ...change.row, change.version];
    await this.#insertNew.run(connection, fresh.map(parameters));
    for (const [step, known] of knownByStep) {
      const steps = new Array<number>(this.#guards).fill(step);
      const affected = await this.#updateKnown.run(connection, known.map(parameters), steps);
      if (affected !== 2 * known.length) throw new Rollback<CommitOutcome>({ kind: 'conflict' });
    }
  }
}

async function readJournals(
  connection: PoolConnection,
  entityIds: readonly string[],
): Promise<Map<string, JournaledEvent[]>> {
  const journals = new Map<string, JournaledEvent[]>();
  for (const ids of chunksOf(entityIds)) {
    const [rows] = await connection.execute<RowDataPacket[]>(selectJournals(ids.length), ids);
    let current: JournaledEvent[] = [];
    let currentId: string | undefined;
    for (const row of rows) {
      const event = journaledEvent(row);
      if (event.entityId !== currentId) {
        current = [];
        currentId = event.entityId;
        journals.set(event.entityId, current);
      }
      current.push(event);
    }
  }
  return journals;
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
const insertQuarantine = new RowsStatement(
  'INSERT INTO quarantine (topic, partition_id, record_offset, reason, detail, record_key, record_value, ' +
    'value_length, value_hash, headers, observed_at) VALUES',
  '(?,?,?,?,?,?,?,?,?,?,?)',
  'ON DUPLICATE KEY UPDATE topic = topic',
);

function quarantineParameters(record: QuarantinedRecord) {
  return [
    record.topic,
    record.partition,
    record.offset,
    record.reason,
    record.detail,
    buffer(record.key),
    buffer(record.value),
    record.valueLength,
    Buffer.from(record.valueHash, 'hex'),
    buffer(record.headers),
    record.observedAtMs,
  ];
}

/** The driver takes only Buffers for bytes. */
function buffer<Bytes extends Uint8Array | null>(bytes: Bytes): Buffer | (Bytes & null) {
  return (bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as
    | Buffer
    | (Bytes & null);
}
