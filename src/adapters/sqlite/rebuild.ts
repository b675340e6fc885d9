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
import { findTables } from './catalog.ts';
import type { Connection, Database } from './database.ts';
import type { DueDeliveries } from './due-deliveries.ts';
import { identifier } from './identifier.ts';
import { Pace, slices } from './pace.ts';
import { namesBeside, refused } from './rebuilt-rows.ts';
import { rename } from './rename.ts';
import type { StoreTime } from './store-time.ts';
import { numberOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';
import { fenceAll, readViewState } from './view-state.ts';
import { createView } from './view-table.ts';

/** Makes the view's table anew beside the old one, and exchanges the two. Each step is one transaction. */
export class Rebuilds {
  readonly #database: Database;
  readonly #view: ViewRows;
  readonly #deliveries: DueDeliveries;
  readonly #time: StoreTime;
  readonly #table: string;
  readonly #rebuilt: string;
  readonly #former: string;

  constructor(database: Database, view: ViewRows, deliveries: DueDeliveries, time: StoreTime) {
    this.#database = database;
    this.#view = view;
    this.#deliveries = deliveries;
    this.#time = time;
    this.#table = view.definition.table;
    const { rebuilt, former } = namesBeside(this.#table);
    this.#rebuilt = rebuilt;
    this.#former = former;
  }

  async begin({ rebuildId, foldVersion, columns }: NewRebuild): Promise<void> {
    await this.#database.write((writer) => {
      const { rebuild, phase } = this.#state(writer);
      if (rebuild?.rebuildId === rebuildId) return;
      if (rebuild !== null || phase !== 'steady')
        throw refused(
          `The rebuild ${rebuild?.rebuildId ?? ''} is under way: switch to it or discard it first.`,
        );
      const tables = findTables(writer, [this.#rebuilt, this.#former]);
      if (tables.has(this.#former))
        throw new TributaryError(
          'table_names_taken',
          `The table ${quoted(this.#former)} is in the way: it was kept by an earlier rebuild, or another program made it. Drop or rename it.`,
        );
      const facts = tables.get(this.#rebuilt);
      if (facts !== undefined && !facts.isMarkedOurs)
        throw new TributaryError(
          'table_names_taken',
          `Another program has a table ${quoted(this.#rebuilt)}, which the rebuild needs for its own: rename it.`,
        );
      if (facts !== undefined) writer.execute(`DROP TABLE ${identifier(this.#rebuilt)}`);
      writer
        .statement(
          'UPDATE view_states SET rebuild_id = ?, rebuild_fold = ?, rebuild_columns = ?, report = NULL WHERE view_name = ?',
        )
        .run(rebuildId, foldVersion, columnsText(columns), this.#table);
      createView(writer, { ...this.#view.definition, table: this.#rebuilt, columns });
    });
  }

  async noteBuilt(rebuildId: string, report: JsonObject): Promise<void> {
    await this.#database.write((writer) =>
      writer
        .statement('UPDATE view_states SET report = ? WHERE view_name = ? AND rebuild_id = ?')
        .run(JSON.stringify(report), this.#table, rebuildId),
    );
  }

  async discard(rebuildId: string): Promise<boolean> {
    return this.#database.write((writer) => {
      const { changes } = writer
        .statement(
          `UPDATE view_states SET ${FORGET} WHERE view_name = ? AND rebuild_id = ? AND phase = 'steady'`,
        )
        .run(this.#table, rebuildId);
      if (Number(changes) === 0) return false;
      writer.execute(`DROP TABLE IF EXISTS ${identifier(this.#rebuilt)}`);
      return true;
    });
  }

  async beginSwitch(rebuildId: string): Promise<number | null> {
    return this.#database.write((writer) => {
      const { rebuild, phase, epoch } = this.#state(writer);
      if (rebuild?.rebuildId !== rebuildId || phase === 'settling') return null;
      if (phase === 'switching') return epoch;
      writer.statement("UPDATE view_states SET phase = 'switching' WHERE view_name = ?").run(this.#table);
      fenceAll(writer, this.#table);
      return epoch + 1;
    });
  }

  async takeBackSwitch(epoch: number): Promise<boolean> {
    await this.#database.write((writer) =>
      writer
        .statement(
          "UPDATE view_states SET phase = 'steady', epoch = epoch + 1 WHERE view_name = ? AND phase = 'switching' AND epoch = ?",
        )
        .run(this.#table, epoch),
    );
    return true;
  }

  /** SQLite has one writer, so nobody is waited for. */
  async exchange(asked: { rebuildId: string; epoch: number; waitSeconds: number }): Promise<void> {
    await this.#database.write((writer) => {
      const { phase, epoch, rebuild } = this.#state(writer);
      if (phase === 'settling' && rebuild?.rebuildId === asked.rebuildId) return;
      if (phase !== 'switching' || epoch !== asked.epoch)
        throw refused('The switch was taken back meanwhile.');
      rename(writer, this.#table, this.#former);
      rename(writer, this.#rebuilt, this.#table);
      writer
        .statement(`
          UPDATE view_states SET fold_version = rebuild_fold, awaited_fold = NULL, former_columns = view_columns,
            view_columns = rebuild_columns, phase = 'settling', epoch = epoch + 1
          WHERE view_name = ?`)
        .run(this.#table);
    });
  }

  async settle({ rebuildId, changes }: SettledChanges): Promise<SettledCounts | null> {
    return this.#database.write(async (writer) => {
      const { phase, rebuild } = this.#state(writer);
      if (phase !== 'settling' || rebuild?.rebuildId !== rebuildId) return null;
      writer.statement('UPDATE view_states SET beat = beat + 1 WHERE view_name = ?').run(this.#table);
      const { key, table } = this.#view;
      const select = writer.statement(`SELECT version FROM ${table} WHERE ${key} = ?`);
      const nowMs = this.#time.now(writer);
      const pace = new Pace();
      let due = 0;
      const stale: string[] = [];
      for (const { entityId, version, delivery, isNew } of changes) {
        const row = select.get(entityId);
        if (row === undefined || numberOf(row.version) !== version) stale.push(entityId);
        else
          due += this.#deliveries.makeDue(
            writer,
            { entityId, version, fromVersion: isNew ? 0 : version, delivery, events: [] },
            nowMs,
          );
        await pace.pass(1);
      }
      return { due, stale };
    });
  }

  async ledgerOf(entityIds: readonly string[], targets: readonly string[]): Promise<LedgerPlace[]> {
    const found: LedgerPlace[] = [];
    for (const slice of slices(entityIds)) {
      await this.#database.read((reader) => {
        const select = reader.statement(
          'SELECT due_version FROM deliveries WHERE target = ? AND entity_id = ?',
        );
        for (const entityId of slice) {
          for (const target of targets) {
            const row = select.get(target, entityId);
            if (row !== undefined) found.push({ target, entityId, dueVersion: numberOf(row.due_version) });
          }
        }
      });
    }
    return found;
  }

  async endSettling(rebuildId: string): Promise<void> {
    await this.#database.write((writer) =>
      writer
        .statement(
          `UPDATE view_states SET ${FORGET}, phase = 'steady', epoch = epoch + 1
          WHERE view_name = ? AND rebuild_id = ? AND phase = 'settling'`,
        )
        .run(this.#table, rebuildId),
    );
  }

  async dropFormer(): Promise<void> {
    await this.#database.write((writer) => {
      if (this.#state(writer).phase !== 'steady') return;
      if (findTables(writer, [this.#former]).get(this.#former)?.isMarkedOurs === true)
        writer.execute(`DROP TABLE ${identifier(this.#former)}`);
    });
  }

  #state(connection: Connection): ViewState {
    return readViewState(connection, this.#table);
  }
}

const FORGET =
  'rebuild_id = NULL, rebuild_fold = NULL, rebuild_columns = NULL, former_columns = NULL, report = NULL';
