import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { EntityChange } from '../../ports/commit.ts';
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

/**
 * A compare-and-set sends two numbers as one parameter, so that all rows of a batch fit in one statement, sorted by id:
 * the new version in the lower 40 bits, and above them the step from the version that the change builds on. The step of
 * a new entity is 0, so that its row is made with its plain version.
 */
const STEP_BITS = 40;
const NEW_VERSION = `(VALUES(version) & ${2 ** STEP_BITS - 1})`;
/** Whether the stored row has the version that the change builds on. It is NULL for a new entity, and so never true. */
const IS_BASE = `version = ${NEW_VERSION} - NULLIF(VALUES(version) >> ${STEP_BITS}, 0)`;
/** A step below this and its version are a safe integer together. */
const NUMBER_STEPS = 2 ** (53 - STEP_BITS);

function stepAndVersion({ fromVersion, version }: EntityChange): number | bigint {
  if (fromVersion === 0) return version;
  const step = version - fromVersion;
  if (step < NUMBER_STEPS) return step * 2 ** STEP_BITS + version;
  return (BigInt(step) << BigInt(STEP_BITS)) + BigInt(version);
}

/** Writes the view's rows in the transaction of a batch. */
export class ViewRows {
  readonly #compareAndSet: RowsStatement<EntityChange>;
  readonly #compareAndSetVersion: RowsStatement<EntityChange>;
  readonly #overwrite: RowsStatement<EntityChange>;
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
    };
    const writeWhole =
      (versionOf: (change: EntityChange) => number | bigint) =>
      (writer: ParameterWriter, change: EntityChange): void => {
        writer.text(change.entityId);
        writeViewRow(writer, view, change.row ?? []);
        writer.integer(versionOf(change));
      };
    const versionOnly = {
      before: `INSERT INTO ${table} (${key}, version) VALUES`,
      row: '(?,?)',
      columns: ['bytes', 'integer'] as const,
    };
    const writeVersion =
      (versionOf: (change: EntityChange) => number | bigint) =>
      (writer: ParameterWriter, change: EntityChange): void => {
        writer.text(change.entityId);
        writer.integer(versionOf(change));
      };
    // Assignments run from left to right, so the columns are set before the version that they depend on.
    const setColumns = columns.map((name) => `${name} = IF(${IS_BASE}, VALUES(${name}), ${name}), `);
    const setVersion = `version = IF(${IS_BASE}, ${NEW_VERSION}, version)`;
    const force = 'version = VALUES(version)';
    const forceColumns = columns.map((name) => `, ${name} = VALUES(${name})`);
    this.#compareAndSet = new RowsStatement({
      ...whole,
      after: `ON DUPLICATE KEY UPDATE ${setColumns.join('')}${setVersion}`,
      write: writeWhole(stepAndVersion),
    });
    this.#compareAndSetVersion = new RowsStatement({
      ...versionOnly,
      after: `ON DUPLICATE KEY UPDATE ${setVersion}`,
      write: writeVersion(stepAndVersion),
    });
    this.#overwrite = new RowsStatement({
      ...whole,
      after: `ON DUPLICATE KEY UPDATE ${force}${forceColumns.join('')}`,
      write: writeWhole(({ version }) => version),
    });
    this.#overwriteVersion = new RowsStatement({
      ...versionOnly,
      after: `ON DUPLICATE KEY UPDATE ${force}`,
      write: writeVersion(({ version }) => version),
    });
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
      `SELECT ${key}, version FROM ${table} FORCE INDEX (\`PRIMARY\`) WHERE ${key} IN (${marks(count)})`;
    this.#selectJournaled = (count) =>
      `SELECT v.${key}, v.version, (SELECT s.first_version + s.event_count - 1 FROM journal_segments s ` +
      `WHERE s.entity_id = v.${key} ORDER BY s.first_version DESC LIMIT 1) ` +
      `FROM ${table} v FORCE INDEX (\`PRIMARY\`) WHERE v.${key} IN (${marks(count)})`;
  }

  /**
   * Writes each change's row if the stored row has the version that the change builds on. Answers whether all had it;
   * if not, the transaction has to be rolled back.
   */
  async compareAndSet(connection: PoolConnection, changes: readonly EntityChange[]): Promise<boolean> {
    const rows = changes.filter(hasRow);
    const versions = changes.filter(isVersionOnly);
    const affected =
      (await this.#compareAndSet.run(connection, rows)) +
      (await this.#compareAndSetVersion.run(connection, versions));
    // The server counts 1 for a row that it made, 2 for a row that it changed, and 0 for a row that it left alone. Only
    // the row of a new entity may be made, and it is never changed, so every mismatch makes the sum too small.
    let expected = 0;
    for (const { fromVersion } of rows) expected += fromVersion === 0 ? 1 : 2;
    for (const { fromVersion } of versions) expected += fromVersion === 0 ? 1 : 2;
    return affected === expected;
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

  /** Removes the rows that were made only to be locked, and that no change writes. */
  async dropUnused(
    connection: PoolConnection,
    created: readonly string[],
    changes: readonly EntityChange[],
  ): Promise<void> {
    if (created.length === 0) return;
    const written = changes.filter((change) => hasRow(change) || isVersionOnly(change));
    const used = new Set(written.map(({ entityId }) => entityId));
    const unused = created.filter((entityId) => !used.has(entityId));
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
