import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { VIEW_MARK, type ViewShape } from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { columnsText } from '../../core/view-columns.ts';
import type { JsonObject } from '../../ports/jobs.ts';
import type {
  LedgerPlace,
  NewRebuild,
  SettledChanges,
  SettledCounts,
  ViewState,
} from '../../ports/view-rebuild.ts';
import { databaseName, findTables } from './catalog.ts';
import { inTransaction, MIGRATION_DEADLINE_MS, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { DueDeliveries } from './due-deliveries.ts';
import { identifier } from './identifier.ts';
import { lockName } from './migration-lock.ts';
import { namesBeside, refused } from './rebuilt-rows.ts';
import { chunksOf, marks } from './rows-statement.ts';
import { textOf } from './values.ts';
import { fenceAll, readViewState } from './view-state.ts';
import { createView } from './view-table.ts';

/** MySQL allows names of 64 characters. */
const NAME_MAX = 64;
/** Seconds that a call waits for another process that makes, exchanges or drops the tables. */
const TABLES_LOCK_SECONDS = 5;

/**
 * Makes the view's table anew beside the old one, and exchanges the two. MySQL commits each RENAME by itself, so a process
 * that makes, exchanges or drops tables holds a lock of the server meanwhile, and the record tells what is left to do.
 */
export class Rebuilds {
  readonly #pool: ConnectionPool;
  readonly #view: ViewShape;
  readonly #deliveries: DueDeliveries;
  readonly #rebuilt: string;
  readonly #former: string;

  constructor(pool: ConnectionPool, view: ViewShape, deliveries: DueDeliveries) {
    this.#pool = pool;
    this.#view = view;
    this.#deliveries = deliveries;
    const { rebuilt, former } = namesBeside(view.table);
    this.#rebuilt = rebuilt;
    this.#former = former;
  }

  async begin({ rebuildId, foldVersion, columns }: NewRebuild): Promise<void> {
    await this.#alone(async (connection) => {
      if (this.#pool.isProxied(connection))
        throw new TributaryError(
          'rebuild_refused',
          `The table ${this.#view.table} cannot be exchanged behind a proxy, which renames no tables: drop it while order-sync runs, and its ` +
            'rows are made anew from the journal (docs/scaling.md).',
        );
      const { rebuild, phase } = await this.#state(connection);
      if (rebuild !== null && rebuild.rebuildId !== rebuildId)
        throw refused(`The rebuild ${rebuild.rebuildId} is under way: switch to it or discard it first.`);
      if (rebuild?.formerColumns != null || phase !== 'steady') return;
      if (rebuild === null) {
        await this.#freeNames(connection);
        await connection.execute(
          'UPDATE view_states SET rebuild_id = ?, rebuild_fold = ?, rebuild_columns = ?, former_columns = NULL, ' +
            'report = NULL WHERE view_name = ?',
          [rebuildId, foldVersion, columnsText(columns), this.#view.table],
        );
      }
      await createView(connection, { ...this.#view, columns }, this.#rebuilt);
    });
  }

  /** Drops the table of a rebuild that was discarded. Rejects if other tables have the names. */
  async #freeNames(connection: PoolConnection): Promise<void> {
    if (this.#rebuilt.length > NAME_MAX)
      throw new TributaryError('domain_invalid', `The name ${this.#rebuilt} is too long for a table.`);
    const tables = await findTables(connection, [this.#rebuilt, this.#former]);
    const former = tables.get(this.#former);
    if (former !== undefined)
      throw new TributaryError(
        'table_names_taken',
        `The table ${quoted(this.#former)} is in the way: it was kept by an earlier rebuild, or another program made it. Drop or rename it.`,
      );
    const rebuilt = tables.get(this.#rebuilt);
    if (rebuilt === undefined) return;
    if (rebuilt.kind !== 'table' || rebuilt.comment !== VIEW_MARK)
      throw new TributaryError(
        'table_names_taken',
        `Another program has a table ${quoted(this.#rebuilt)}, which the rebuild needs for its own: rename it.`,
      );
    await connection.query(`DROP TABLE ${identifier(this.#rebuilt)}`);
  }

  async noteBuilt(rebuildId: string, report: JsonObject): Promise<void> {
    await withConnection(this.#pool, (connection) =>
      connection.execute('UPDATE view_states SET report = ? WHERE view_name = ? AND rebuild_id = ?', [
        JSON.stringify(report),
        this.#view.table,
        rebuildId,
      ]),
    );
  }

  async discard(rebuildId: string): Promise<boolean> {
    return this.#alone(async (connection) => {
      const [forgotten] = await connection.execute<ResultSetHeader>(
        `UPDATE view_states SET ${FORGET} WHERE view_name = ? AND rebuild_id = ? AND phase = 'steady'`,
        [this.#view.table, rebuildId],
      );
      if (forgotten.affectedRows === 0) return false;
      await connection.query(`DROP TABLE IF EXISTS ${identifier(this.#rebuilt)}`);
      return true;
    });
  }

  async beginSwitch(rebuildId: string): Promise<number | null> {
    const { table } = this.#view;
    return inTransaction(this.#pool, async (connection) => {
      const { rebuild, phase, epoch } = await readViewState(connection, table, 'FOR UPDATE');
      if (rebuild?.rebuildId !== rebuildId || phase === 'settling') return null;
      if (phase === 'switching') return epoch;
      await connection.execute("UPDATE view_states SET phase = 'switching' WHERE view_name = ?", [table]);
      await fenceAll(connection, table);
      return epoch + 1;
    });
  }

  async takeBackSwitch(epoch: number): Promise<boolean> {
    try {
      return await this.#alone(async (connection) => {
        const state = await this.#state(connection);
        if (state.phase !== 'switching' || state.epoch !== epoch) return true;
        if (await this.#isExchanged(connection)) await this.#recordExchange(connection, epoch);
        else
          await connection.execute(
            "UPDATE view_states SET phase = 'steady', epoch = epoch + 1 WHERE view_name = ? AND epoch = ?",
            [this.#view.table, epoch],
          );
        return true;
      }, 0);
    } catch (error) {
      if (error instanceof TributaryError && error.code === 'store_busy') return false;
      throw error;
    }
  }

  /**
   * Only who holds the lock changes the phase, so the phase cannot change between the look at it and the RENAME. The server
   * ends the session of a process that was stopped in between, and with it the lock.
   */
  async exchange(asked: { rebuildId: string; epoch: number; waitSeconds: number }): Promise<void> {
    await this.#alone(async (connection) => {
      const { phase, epoch, rebuild } = await this.#state(connection);
      if (phase === 'settling' && rebuild?.rebuildId === asked.rebuildId) return;
      if (phase !== 'switching' || epoch !== asked.epoch)
        throw refused('The switch was taken back meanwhile.');
      if (!(await this.#isExchanged(connection))) await this.#rename(connection, asked.waitSeconds);
      await this.#recordExchange(connection, epoch);
    });
  }

  async #rename(connection: PoolConnection, waitSeconds: number): Promise<void> {
    const { table } = this.#view;
    await connection.query(`SET SESSION lock_wait_timeout = ${Math.ceil(waitSeconds)}`);
    try {
      await connection.query(
        `RENAME TABLE ${identifier(table)} TO ${identifier(this.#former)}, ` +
          `${identifier(this.#rebuilt)} TO ${identifier(table)}`,
      );
    } catch (error) {
      if ((error as { code?: string }).code !== 'ER_LOCK_WAIT_TIMEOUT') throw error;
      throw new TributaryError(
        'store_busy',
        `The table ${quoted(table)} cannot be exchanged, because a transaction of another program has used it for more than ${waitSeconds} s.`,
      );
    } finally {
      await connection.query('SET SESSION lock_wait_timeout = DEFAULT').catch(() => undefined);
    }
  }

  async #isExchanged(connection: PoolConnection): Promise<boolean> {
    const tables = await findTables(connection, [this.#rebuilt, this.#former]);
    return !tables.has(this.#rebuilt) && tables.has(this.#former);
  }

  async #recordExchange(connection: PoolConnection, epoch: number): Promise<void> {
    await connection.execute(
      'UPDATE view_states SET fold_version = rebuild_fold, awaited_fold = NULL, former_columns = view_columns, ' +
        "view_columns = rebuild_columns, phase = 'settling', epoch = epoch + 1 " +
        "WHERE view_name = ? AND phase = 'switching' AND epoch = ?",
      [this.#view.table, epoch],
    );
  }

  /** Locks the view's rows before the ledger's, as a commit does. */
  async settle({ rebuildId, changes }: SettledChanges): Promise<SettledCounts | null> {
    const { table } = this.#view;
    return inTransaction(this.#pool, async (connection) => {
      const { phase, rebuild } = await readViewState(connection, table, 'FOR UPDATE');
      if (phase !== 'settling' || rebuild?.rebuildId !== rebuildId) return null;
      await connection.execute('UPDATE view_states SET beat = beat + 1 WHERE view_name = ?', [table]);
      const key = identifier(this.#view.keyColumn);
      const versions = new Map<string, number>();
      const sorted = [...changes].sort((a, b) =>
        Buffer.compare(Buffer.from(a.entityId), Buffer.from(b.entityId)),
      );
      for (const ids of chunksOf(sorted.map(({ entityId }) => entityId))) {
        const [rows] = await connection.execute<RowDataPacket[]>(
          `SELECT ${key}, version FROM ${identifier(table)} FORCE INDEX (\`PRIMARY\`) WHERE ${key} IN (${marks(ids.length)}) ` +
            `ORDER BY ${key} FOR UPDATE`,
          ids,
        );
        for (const row of rows) versions.set(textOf(row[0]), Number(row[1]));
      }
      const present = sorted.filter(({ entityId, version }) => versions.get(entityId) === version);
      const due = await this.#deliveries.makeDue(
        connection,
        present.map((change) => ({ ...change, events: [], fromVersion: change.isNew ? 0 : change.version })),
      );
      const stale = sorted.filter(({ entityId, version }) => versions.get(entityId) !== version);
      return { due, stale: stale.map(({ entityId }) => entityId) };
    });
  }

  async ledgerOf(entityIds: readonly string[], targets: readonly string[]): Promise<LedgerPlace[]> {
    return withConnection(this.#pool, async (connection) => {
      const found: LedgerPlace[] = [];
      for (const target of targets) {
        for (const ids of chunksOf(entityIds.map((id) => Buffer.from(id)))) {
          const [rows] = await connection.execute<RowDataPacket[]>(
            `SELECT entity_id, due_version FROM deliveries WHERE target = ? AND entity_id IN (${marks(ids.length)})`,
            [target, ...ids],
          );
          for (const row of rows)
            found.push({ target, entityId: textOf(row[0]), dueVersion: Number(row[1]) });
        }
      }
      return found;
    });
  }

  async endSettling(rebuildId: string): Promise<void> {
    await withConnection(this.#pool, (connection) =>
      connection.execute(
        `UPDATE view_states SET ${FORGET}, phase = 'steady', epoch = epoch + 1 ` +
          "WHERE view_name = ? AND rebuild_id = ? AND phase = 'settling'",
        [this.#view.table, rebuildId],
      ),
    );
  }

  async dropFormer(): Promise<void> {
    await this.#alone(async (connection) => {
      if ((await this.#state(connection)).phase !== 'steady') return;
      const facts = (await findTables(connection, [this.#former])).get(this.#former);
      if (facts?.comment === VIEW_MARK) await connection.query(`DROP TABLE ${identifier(this.#former)}`);
    });
  }

  #state(connection: PoolConnection): Promise<ViewState> {
    return readViewState(connection, this.#view.table);
  }

  /** Runs the work while no other process makes, exchanges or drops the tables of the view. */
  async #alone<Result>(
    work: (connection: PoolConnection) => Promise<Result>,
    waitSeconds = TABLES_LOCK_SECONDS,
  ): Promise<Result> {
    return withConnection(
      this.#pool,
      async (connection) => {
        const [[row]] = await connection.query<RowDataPacket[]>('SELECT GET_LOCK(?, ?)', [
          lockName(connection, 'tributary view:', await databaseName(connection)),
          waitSeconds,
        ]);
        if (Number(row?.[0]) !== 1)
          throw new TributaryError(
            'store_busy',
            'Another process works on the tables of the view; try again.',
          );
        await connection.query(`SET SESSION wait_timeout = ${this.#pool.idleTransactionSeconds}`);
        try {
          return await work(connection);
        } finally {
          // If these fail, the connection is closed, and the server releases the lock.
          await connection.query('SELECT RELEASE_ALL_LOCKS()').catch(() => undefined);
          await connection.query('SET SESSION wait_timeout = DEFAULT').catch(() => undefined);
        }
      },
      { deadlineMs: MIGRATION_DEADLINE_MS },
    );
  }
}

const FORGET =
  'rebuild_id = NULL, rebuild_fold = NULL, rebuild_columns = NULL, former_columns = NULL, report = NULL';
