import type { ViewShape } from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import { compareUtf8, quoted } from '../../core/text.ts';
import type { JsonObject } from '../../ports/jobs.ts';
import type {
  LedgerPlace,
  NewRebuild,
  SettledChanges,
  SettledCounts,
  ViewState,
} from '../../ports/view-rebuild.ts';
import type { Connection, Transaction } from './connection.ts';
import { makeDue } from './due-deliveries.ts';
import { fenceAll } from './fence.ts';
import { entityLock, stateLock, tableLock } from './lock-names.ts';
import { namesBeside, refused } from './rebuilt-rows.ts';
import { changeViewState, lockViewState, viewStateOf } from './view-state.ts';
import { ViewTable } from './view-table.ts';

/** The time that a call waits for another process that makes, exchanges or drops the tables. */
const TABLES_LOCK_MS = 5_000;

/**
 * Makes the view's table anew beside the old one, and exchanges the two. Whoever makes, exchanges or drops tables holds
 * a named lock meanwhile. As on MySQL, a table is made, exchanged or dropped at once, and its record is written afterwards.
 */
export class Rebuilds {
  readonly #connection: Connection;
  readonly #view: ViewShape;
  readonly #targets: readonly string[];
  readonly #rebuilt: string;
  readonly #former: string;

  constructor(connection: Connection, view: ViewShape, targets: readonly string[]) {
    this.#connection = connection;
    this.#view = view;
    this.#targets = targets;
    const { rebuilt, former } = namesBeside(view.table);
    this.#rebuilt = rebuilt;
    this.#former = former;
  }

  async begin({ rebuildId, foldVersion, columns }: NewRebuild): Promise<void> {
    await this.#alone(async (transaction) => {
      const { rebuild, phase } = await this.#state(transaction);
      if (rebuild !== null && rebuild.rebuildId !== rebuildId)
        throw refused(`The rebuild ${rebuild.rebuildId} is under way: switch to it or discard it first.`);
      if (rebuild?.formerColumns != null || phase !== 'steady') return;
      if (rebuild === null) {
        this.#freeNames();
        const made = { rebuildId, foldVersion, columns, report: null, formerColumns: null };
        await this.#change(transaction, ['steady'], { rebuild: made });
      }
      await transaction.statement('make a table');
      const { tables } = this.#connection.database;
      if (!tables.has(this.#rebuilt)) tables.set(this.#rebuilt, new ViewTable(this.#view.keyColumn, columns));
    });
  }

  /** Drops the table of a rebuild that was discarded. Rejects if other tables have the names. */
  #freeNames(): void {
    const { tables } = this.#connection.database;
    if (tables.has(this.#former))
      throw new TributaryError(
        'table_names_taken',
        `The table ${quoted(this.#former)} is in the way: it was kept by an earlier rebuild, or another program made it.`,
      );
    const rebuilt = tables.get(this.#rebuilt);
    if (rebuilt !== undefined && !(rebuilt instanceof ViewTable))
      throw new TributaryError(
        'table_names_taken',
        `Another program has a table ${quoted(this.#rebuilt)}, which the rebuild needs for its own: rename it.`,
      );
    tables.delete(this.#rebuilt);
  }

  async noteBuilt(rebuildId: string, report: JsonObject): Promise<void> {
    const kept = JSON.parse(JSON.stringify(report)) as JsonObject;
    await this.#connection.write('note what is built', async (transaction) => {
      await transaction.lock(stateLock(this.#view.table));
      const { rebuild } = viewStateOf(transaction.schema, this.#view.table);
      if (rebuild?.rebuildId !== rebuildId) return;
      changeViewState(transaction, this.#view.table, { rebuild: { ...rebuild, report: kept } });
    });
  }

  async discard(rebuildId: string): Promise<boolean> {
    return this.#alone(async (transaction) => {
      const isForgotten = await this.#change(transaction, ['steady'], { rebuild: null }, rebuildId);
      if (!isForgotten) return false;
      await transaction.statement('drop a table');
      this.#connection.database.tables.delete(this.#rebuilt);
      return true;
    });
  }

  async beginSwitch(rebuildId: string): Promise<number | null> {
    const { table } = this.#view;
    return this.#connection.transaction(async (transaction) => {
      const state = await lockViewState(transaction, table);
      const { rebuild, phase, epoch } = state;
      if (rebuild?.rebuildId !== rebuildId || phase === 'settling') return null;
      if (phase === 'switching') return epoch;
      await fenceAll(transaction, table, state, { phase: 'switching' });
      return epoch + 1;
    });
  }

  async takeBackSwitch(epoch: number): Promise<boolean> {
    try {
      return await this.#alone(async (transaction) => {
        const state = await this.#state(transaction);
        if (state.phase !== 'switching' || state.epoch !== epoch) return true;
        if (this.#isExchanged) await this.#recordExchange(transaction, state);
        else
          await this.#change(transaction, ['switching'], { phase: 'steady', epoch: epoch + 1 }, null, epoch);
        return true;
      }, 0);
    } catch (error) {
      if (error instanceof TributaryError && error.code === 'store_busy') return false;
      throw error;
    }
  }

  async exchange(asked: { rebuildId: string; epoch: number; waitSeconds: number }): Promise<void> {
    await this.#alone(async (transaction) => {
      const state = await this.#state(transaction);
      if (state.phase === 'settling' && state.rebuild?.rebuildId === asked.rebuildId) return;
      if (state.phase !== 'switching' || state.epoch !== asked.epoch)
        throw refused('The switch was taken back meanwhile.');
      if (!this.#isExchanged) await this.#rename(transaction, asked.waitSeconds);
      await this.#recordExchange(transaction, state);
    });
  }

  /** Waits until no transaction uses the tables, and exchanges them in one step. */
  async #rename(transaction: Transaction, waitSeconds: number): Promise<void> {
    const { table } = this.#view;
    await transaction.statement('exchange the tables');
    const waitMs = Math.ceil(waitSeconds) * 1_000;
    const renaming = this.#connection.nested(transaction);
    try {
      await renaming.lock(tableLock(table), 'exclusive', waitMs);
      await renaming.lock(tableLock(this.#rebuilt), 'exclusive', waitMs);
      const { database } = this.#connection;
      const [present, rebuilt] = [database.viewTable(table), database.viewTable(this.#rebuilt)];
      database.tables.set(this.#former, present);
      database.tables.set(table, rebuilt);
      database.tables.delete(this.#rebuilt);
    } finally {
      renaming.end();
    }
  }

  get #isExchanged(): boolean {
    const { tables } = this.#connection.database;
    return !tables.has(this.#rebuilt) && tables.has(this.#former);
  }

  async #recordExchange(transaction: Transaction, { epoch, rebuild, columns }: ViewState): Promise<void> {
    if (rebuild === null) return;
    const exchanged = {
      foldVersion: rebuild.foldVersion,
      awaitedFold: null,
      columns: rebuild.columns,
      phase: 'settling',
      epoch: epoch + 1,
      rebuild: { ...rebuild, formerColumns: columns },
    } as const;
    await this.#change(transaction, ['switching'], exchanged, null, epoch);
  }

  /** Locks the view's rows before the ledger's, as a commit does. */
  async settle({ rebuildId, changes }: SettledChanges): Promise<SettledCounts | null> {
    const { table: name } = this.#view;
    return this.#connection.transaction(async (transaction) => {
      const { phase, rebuild, beat } = await lockViewState(transaction, name);
      if (phase !== 'settling' || rebuild?.rebuildId !== rebuildId) return null;
      changeViewState(transaction, name, { beat: beat + 1 });
      await transaction.statement('lock rows');
      await transaction.lock(tableLock(name), 'shared');
      const sorted = [...changes].sort((a, b) => compareUtf8(a.entityId, b.entityId));
      for (const { entityId } of sorted) await transaction.lock(entityLock(entityId));
      const table = this.#connection.database.viewTable(name);
      const isPresent = ({ entityId, version }: (typeof sorted)[number]) =>
        table.get(entityId)?.version === version;
      const present = sorted
        .filter(isPresent)
        .map((change) => ({ ...change, events: [], fromVersion: change.isNew ? 0 : change.version }));
      const due = await makeDue(transaction, this.#targets, present);
      const stale = sorted.filter((change) => !isPresent(change)).map(({ entityId }) => entityId);
      return { due, stale };
    });
  }

  ledgerOf(entityIds: readonly string[]): Promise<LedgerPlace[]> {
    return this.#connection.read('read the ledger', ({ ledgers }) =>
      this.#targets.flatMap((target) =>
        entityIds.flatMap((entityId) => {
          const row = ledgers.row(target, entityId);
          return row === undefined ? [] : [{ target, entityId, dueVersion: row.dueVersion }];
        }),
      ),
    );
  }

  async endSettling(rebuildId: string): Promise<void> {
    await this.#connection.write('end the settling', async (transaction) => {
      await transaction.lock(stateLock(this.#view.table));
      const { phase, rebuild, epoch } = viewStateOf(transaction.schema, this.#view.table);
      if (phase !== 'settling' || rebuild?.rebuildId !== rebuildId) return;
      const steady = { rebuild: null, phase: 'steady', epoch: epoch + 1 } as const;
      changeViewState(transaction, this.#view.table, steady);
    });
  }

  async dropFormer(): Promise<void> {
    await this.#alone(async (transaction) => {
      if ((await this.#state(transaction)).phase !== 'steady') return;
      await transaction.statement('drop a table');
      const { tables } = this.#connection.database;
      if (tables.get(this.#former) instanceof ViewTable) tables.delete(this.#former);
    });
  }

  async #state(transaction: Transaction): Promise<ViewState> {
    await transaction.statement('read the state of the view');
    return viewStateOf(transaction.schema, this.#view.table);
  }

  /**
   * Changes the record by a statement of its own, if the phase is one of these and the rebuild and the epoch are those that
   * are given. Answers whether it did.
   */
  async #change(
    holder: Transaction,
    phases: readonly ViewState['phase'][],
    parts: Partial<ViewState>,
    rebuildId: string | null = null,
    epoch: number | null = null,
  ): Promise<boolean> {
    await holder.statement('change the state of the view');
    const statement = this.#connection.nested(holder);
    try {
      await statement.lock(stateLock(this.#view.table));
      const state = viewStateOf(holder.schema, this.#view.table);
      if (!phases.includes(state.phase) || (epoch !== null && state.epoch !== epoch)) return false;
      if (rebuildId !== null && state.rebuild?.rebuildId !== rebuildId) return false;
      changeViewState(statement, this.#view.table, parts);
      statement.apply();
      return true;
    } finally {
      statement.end();
    }
  }

  /** Runs the work while no other process makes, exchanges or drops the tables of the view. */
  #alone<Result>(
    work: (transaction: Transaction) => Promise<Result>,
    waitMs = TABLES_LOCK_MS,
  ): Promise<Result> {
    return this.#connection.write('lock the tables of the view', async (transaction) => {
      await transaction.lock('the tables of the view', 'exclusive', waitMs);
      return work(transaction);
    });
  }
}
