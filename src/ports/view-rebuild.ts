import type { ViewColumn, ViewRow } from '../core/domain.ts';
import type { DeliveryChange } from './commit.ts';
import type { JsonObject } from './jobs.ts';
import type { StoredRow } from './store.ts';

/**
 * Makes the view's table anew beside the old one, and exchanges the two. The store keeps one record of the view, so that
 * every process knows by which fold the rows were made, and may go on where another one died:
 *
 *   steady --beginSwitch--> switching --exchange--> settling --endSettling--> steady
 *             ^                 |
 *             +--takeBackSwitch-+
 *
 * While the view is `switching`, nobody acquires a partition and no commit stands. While it is `settling`, ingest writes
 * the new rows, and nobody claims a delivery, because it is not yet known which states have changed.
 */
export interface ViewRebuild {
  viewState(): Promise<ViewState>;
  /**
   * Records that a program with this fold journals events without writing rows. From then on no program with an older
   * fold may write: raises the view's epoch and the epochs of all checkpoints. Does nothing if it is recorded already.
   */
  awaitFold(foldVersion: number): Promise<void>;

  /**
   * Makes an empty table for the new rows. Rejects with `rebuild_refused` if a rebuild is under way, and with
   * `table_names_taken` if another table has a name that the rebuild needs. Does nothing if this rebuild has begun.
   */
  beginRebuild(rebuild: NewRebuild): Promise<void>;
  /** Writes rows of the new table. Resolves with false if this rebuild is no longer under way, and writes nothing then. */
  writeRebuilt(rows: RebuiltRows): Promise<boolean>;
  /** Compares the versions of the rows of both tables. Only of the ids in the page. */
  listOutdated(page: RangePage): Promise<OutdatedPage>;
  /** Compares the columns of the rows of both tables that both have. `rebuilt`: the present rows with the new ones. */
  compareRows(tables: 'rebuilt' | 'former', page: RangePage): Promise<RowsPage>;
  /** Records that all rows are there, with a report for people. */
  noteBuilt(rebuildId: string, report: JsonObject): Promise<void>;
  /** Drops the new table and forgets the rebuild. Resolves with false if it is not under way, or is being switched. */
  discardRebuild(rebuildId: string): Promise<boolean>;

  /**
   * Begins the exchange: raises the view's epoch and those of all checkpoints, in one transaction. Resolves with the
   * view's new epoch; with null if this rebuild is not under way, or its tables are exchanged already.
   */
  beginSwitch(rebuildId: string): Promise<number | null>;
  /**
   * Ends a switch: as exchanged if the tables are, else as it was before. Resolves with whether the view is `switching` no
   * more. Leaves an exchange alone that is under way in another process.
   */
  takeBackSwitch(epoch: number): Promise<boolean>;
  /**
   * Exchanges the tables in one step and records the new fold and columns. Rejects with `store_busy`, and changes nothing,
   * if others use the table for longer than `waitSeconds`. Rejects with `rebuild_refused` if the view's epoch is another
   * one. May be called again after a crash.
   */
  exchange(exchange: {
    readonly rebuildId: string;
    readonly epoch: number;
    readonly waitSeconds: number;
  }): Promise<void>;
  /**
   * Makes states due that the rebuild has changed. Leaves out entities whose row has another version by now, and names
   * them. Resolves with null if the view is not settling after this rebuild.
   */
  settleChanges(changes: SettledChanges): Promise<SettledCounts | null>;
  /** Reads which targets' ledgers have these entities, in any sequence. */
  ledgerOf(entityIds: readonly string[]): Promise<LedgerPlace[]>;
  /** Ends the settling, so that deliveries go on. Does nothing if it has ended. */
  endSettling(rebuildId: string): Promise<void>;
  /** Drops the former table, unless the view is not steady. */
  dropFormer(): Promise<void>;
}

/** What the store knows of its view. */
export interface ViewState {
  /** Rises with each change of `phase`, and when a newer fold is awaited. */
  readonly epoch: number;
  readonly phase: 'steady' | 'switching' | 'settling';
  /** The fold by which the rows were made. */
  readonly foldVersion: number;
  /** The fold of a program that has journaled events without writing rows; null if none has. */
  readonly awaitedFold: number | null;
  /** The columns of the table. */
  readonly columns: readonly ViewColumn[];
  /** Rises while somebody works on the switch. */
  readonly beat: number;
  readonly rebuild: RebuildState | null;
}

export interface NewRebuild {
  readonly rebuildId: string;
  readonly foldVersion: number;
  readonly columns: readonly ViewColumn[];
}

/** A rebuild that is under way, or whose tables were exchanged and whose changes are not all due yet. */
export interface RebuildState extends NewRebuild {
  /** The report of `noteBuilt`; null before it. */
  readonly report: JsonObject | null;
  /** The columns of the former table, once the tables are exchanged; null before. */
  readonly formerColumns: readonly ViewColumn[] | null;
}

export interface RebuiltRows {
  readonly rebuildId: string;
  /**
   * The epoch of the switch under which the rows are written; null before the switch. Under an epoch the rows replace those
   * of any version, and else only those of the same and older versions.
   */
  readonly epoch: number | null;
  readonly rows: readonly RebuiltRow[];
}

export interface RebuiltRow {
  readonly entityId: string;
  readonly version: number;
  /**
   * Null for an entity that cannot be folded: it keeps the columns that it has. Before the switch such a row stays outdated,
   * because somebody may release the entity, which changes its columns and not its version.
   */
  readonly row: ViewRow | null;
}

/** A page of the ids of two tables, sorted by their bytes: at most `limit` of each, behind `after`. */
export interface RangePage {
  readonly after: string | null;
  readonly limit: number;
}

export interface OutdatedPage {
  /** The ids of which one table has another version than the other one, or no row. Sorted by their bytes. */
  readonly entityIds: readonly string[];
  /** The last id of the page; null at the end. */
  readonly through: string | null;
}

export interface RowsPage {
  /** The number of rows that are equal in both tables. Only counted for `rebuilt`. */
  readonly equal: number;
  /** In any sequence. */
  readonly differences: readonly RowDifference[];
  readonly through: string | null;
}

/** An entity whose rows differ. */
export interface RowDifference {
  readonly entityId: string;
  /** The row of the older table, by its own columns; null if there is none. */
  readonly before: StoredRow | null;
  /** The row of the newer table, by its own columns; null if there is none. */
  readonly after: StoredRow | null;
}

export interface SettledChanges {
  readonly rebuildId: string;
  readonly changes: readonly SettledChange[];
}

export interface SettledChange {
  readonly entityId: string;
  readonly version: number;
  /**
   * Whether the former table had no row of the entity. Then the state becomes due only to the targets that it qualifies
   * for, and not to others whose ledger has it.
   */
  readonly isNew: boolean;
  readonly delivery: DeliveryChange;
}

/** The version of an entity that became due to a target last. */
export interface LedgerPlace {
  readonly target: string;
  readonly entityId: string;
  readonly dueVersion: number;
}

export interface SettledCounts {
  /** The deliveries that became due. One that was due at the same version since the same millisecond may be left out. */
  readonly due: number;
  /** The entities that were left out, because ingest has changed their rows meanwhile, in any sequence. */
  readonly stale: readonly string[];
}

/**
 * The shapes that the view's table may have by its record: the program's own columns if there is no record, else the
 * recorded ones; and those of the rebuild if the tables were being exchanged when a process died.
 */
export function shapesOf<Shape extends { readonly columns: readonly ViewColumn[] }>(
  view: Shape,
  state: Pick<ViewState, 'columns' | 'phase' | 'rebuild'> | null,
): Shape[] {
  if (state === null) return [view];
  const rebuilt = state.phase === 'switching' ? state.rebuild : null;
  return [state.columns, ...(rebuilt === null ? [] : [rebuilt.columns])].map((columns) => ({
    ...view,
    columns,
  }));
}
