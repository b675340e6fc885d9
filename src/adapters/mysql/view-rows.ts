import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { EntityChange } from '../../ports/commit.ts';
import { isDuplicateKey } from './errors.ts';
import { identifier } from './identifier.ts';
import type { ParameterWriter } from './parameter-writer.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { textOf } from './values.ts';
import { viewTypes, writeViewRow } from './view-parameters.ts';

/** The locked entities of a batch. */
interface LockedEntities {
  /** The last version in the journal of each entity; 0 for an entity without events. */
  readonly versions: ReadonlyMap<string, number>;
  /** The entities whose row was missing, and was made only to be locked. */
  readonly created: readonly string[];
}

/** Writes the view's rows in the transaction of a batch. */
export class ViewRows {
  readonly #insert: RowsStatement<EntityChange>;
  readonly #update: RowsStatement<EntityChange>;
  readonly #overwrite: RowsStatement<EntityChange>;
  readonly #raiseVersion: RowsStatement<EntityChange>;
  readonly #insertVersion: RowsStatement<EntityChange>;
  readonly #overwriteVersion: RowsStatement<EntityChange>;
  readonly #lockOrCreate: RowsStatement<string>;
  readonly #selectVersions: (count: number) => string;
  readonly #selectJournaled: (count: number) => string;
  readonly #deleteUnused: (count: number) => string;

  constructor(view: ViewShape) {
    const table = identifier(view.table);
    const key = identifier(view.keyColumn);
    const columns = view.columns.map((column) => identifier(column.name));
    const whole = {
      before: `INSERT INTO ${table} (${[key, ...columns, 'version'].join(', ')}) VALUES`,
      row: `(${marks(columns.length + 2)})`,
      columns: ['bytes', ...viewTypes(view), 'integer'] as const,
      write(writer: ParameterWriter, { entityId, row, version }: EntityChange) {
        writer.text(entityId);
        writeViewRow(writer, view, row ?? []);
        writer.integer(version);
      },
    };
    const versionOnly = {
      before: `INSERT INTO ${table} (${key}, version) VALUES`,
      row: '(?,?)',
      columns: ['bytes', 'integer'] as const,
      write(writer: ParameterWriter, { entityId, version }: EntityChange) {
        writer.text(entityId);
        writer.integer(version);
      },
    };
    // Assignments run from left to right, so the other columns see whether the version was set.
    const set = 'version = IF(version = VALUES(version) - ?, VALUES(version), version)';
    const setColumns = columns.map(
      (name) => `, ${name} = IF(version = VALUES(version), VALUES(${name}), ${name})`,
    );
    const force = 'version = VALUES(version)';
    const forceColumns = columns.map((name) => `, ${name} = VALUES(${name})`);
    this.#insert = new RowsStatement(whole);
    this.#update = new RowsStatement({
      ...whole,
      after: `ON DUPLICATE KEY UPDATE ${set}${setColumns.join('')}`,
      tail: ['integer'],
    });
    this.#overwrite = new RowsStatement({
      ...whole,
      after: `ON DUPLICATE KEY UPDATE ${force}${forceColumns.join('')}`,
    });
    this.#insertVersion = new RowsStatement(versionOnly);
    this.#raiseVersion = new RowsStatement({
      ...versionOnly,
      after: `ON DUPLICATE KEY UPDATE ${set}`,
      tail: ['integer'],
    });
    this.#overwriteVersion = new RowsStatement({ ...versionOnly, after: `ON DUPLICATE KEY UPDATE ${force}` });
    this.#lockOrCreate = new RowsStatement({
      before: `INSERT INTO ${table} (${key}, version) VALUES`,
      row: '(?,0)',
      after: 'ON DUPLICATE KEY UPDATE version = version',
      columns: ['bytes'],
      write: (writer, entityId) => writer.text(entityId),
    });
    this.#deleteUnused = (count) => `DELETE FROM ${table} WHERE ${key} IN (${marks(count)}) AND version = 0`;
    // Right after a table has grown, the server may still take it for empty and scan all of it.
    this.#selectVersions = (count) =>
      `SELECT ${key}, version FROM ${table} FORCE INDEX (PRIMARY) WHERE ${key} IN (${marks(count)})`;
    this.#selectJournaled = (count) =>
      `SELECT v.${key}, v.version, (SELECT s.first_version + s.event_count - 1 FROM journal_segments s ` +
      `WHERE s.entity_id = v.${key} ORDER BY s.first_version DESC LIMIT 1) ` +
      `FROM ${table} v FORCE INDEX (PRIMARY) WHERE v.${key} IN (${marks(count)})`;
  }

  /**
   * Writes each change's row if the stored row has the version that the change builds on. Answers whether all had it;
   * if not, the transaction has to be rolled back.
   */
  async compareAndSet(connection: PoolConnection, changes: readonly EntityChange[]): Promise<boolean> {
    const fresh = changes.filter(({ fromVersion }) => fromVersion === 0);
    try {
      await this.#insert.run(connection, fresh.filter(hasRow));
      await this.#insertVersion.run(connection, fresh.filter(isVersionOnly));
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
    // The statement has the distance between the two versions as a parameter, and nearly always it is 1 or 2.
    const byStep = Map.groupBy(
      changes.filter(({ fromVersion }) => fromVersion > 0),
      ({ fromVersion, version }) => version - fromVersion,
    );
    for (const [step, group] of byStep) {
      const writeStep = (writer: ParameterWriter) => writer.integer(step);
      const rows = group.filter(hasRow);
      const versions = group.filter(isVersionOnly);
      const affected =
        (await this.#update.run(connection, rows, writeStep)) +
        (await this.#raiseVersion.run(connection, versions, writeStep));
      // The server counts 2 for a row that it changed, 1 for a row that it had to make, and 0 for a row that it left
      // alone.
      if (affected !== 2 * (rows.length + versions.length)) return false;
    }
    return true;
  }

  /** Writes the row of each change whatever the stored one holds. The rows must be locked. */
  async overwrite(connection: PoolConnection, changes: readonly EntityChange[]): Promise<void> {
    await this.#overwrite.run(connection, changes.filter(hasRow));
    await this.#overwriteVersion.run(connection, changes.filter(isVersionOnly));
  }

  /** Locks the entities' rows, makes those that are missing, and reads the entities' versions from the journal. */
  async lock(connection: PoolConnection, entityIds: readonly string[]): Promise<LockedEntities> {
    await this.#lockOrCreate.run(connection, entityIds);
    const versions = new Map<string, number>();
    const created: string[] = [];
    for (const ids of chunksOf(entityIds)) {
      const [rows] = await connection.execute<RowDataPacket[]>(this.#selectJournaled(ids.length), ids);
      for (const row of rows) {
        const entityId = textOf(row[0]);
        versions.set(entityId, Number(row[2] ?? 0));
        if (Number(row[1]) === 0) created.push(entityId);
      }
    }
    return { versions, created };
  }

  /** Removes the rows that were made only to be locked and whose entities gained no event. */
  async dropUnused(
    connection: PoolConnection,
    created: readonly string[],
    changes: readonly EntityChange[],
  ): Promise<void> {
    if (created.length === 0) return;
    const changed = new Set(changes.map(({ entityId }) => entityId));
    const unused = created.filter((entityId) => !changed.has(entityId));
    for (const ids of chunksOf(unused)) await connection.execute(this.#deleteUnused(ids.length), ids);
  }

  /** The versions of those entities that have a row in the view. */
  async versions(connection: PoolConnection, entityIds: readonly string[]): Promise<Map<string, number>> {
    const versions = new Map<string, number>();
    for (const ids of chunksOf(entityIds)) {
      const [rows] = await connection.execute<RowDataPacket[]>(this.#selectVersions(ids.length), ids);
      for (const row of rows) versions.set(textOf(row[0]), Number(row[1]));
    }
    return versions;
  }
}

function hasRow({ row }: EntityChange): boolean {
  return row !== null;
}

/** Whether only the version of the row is written: the entity is parked and has gained an event. */
function isVersionOnly({ row, events }: EntityChange): boolean {
  return row === null && events.length > 0;
}
