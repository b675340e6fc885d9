import type { AdoptionChoices, ViewShape } from '../core/adoption/index.ts';
import type { ViewRow } from '../core/domain.ts';
import type { JournaledEvent } from './journal.ts';

export interface MigrationOptions {
  readonly view: ViewShape;
  /** The number of the fold that makes the rows. Default: 1. */
  readonly foldVersion?: number;
  /** The names of the targets. A row that is taken over as `sent` counts as delivered to each of them. */
  readonly targets: readonly string[];
  /**
   * Makes events of a row that another program wrote, and throws an Error that names what it does not understand. Null
   * refuses every such table.
   */
  readonly adopt: ((entityId: string, row: ViewRow) => AdoptedEntity) | null;
  /** What a person has agreed to; nothing by default. */
  readonly choices?: AdoptionChoices;
  readonly nowMs: number;
  /**
   * Whether an administrator runs the `migrate` command, which also makes the triggers that protect the journal;
   * default false, for a start.
   */
  readonly asCommand?: boolean;
}

/** What becomes of one row of another program's table. */
export interface AdoptedEntity {
  readonly events: readonly JournaledEvent[];
  readonly row: ViewRow;
  /** `sent`: the target has exactly this state. `due`: the state has to be sent. `none`: the state was never ready. */
  readonly delivery: 'sent' | 'due' | 'none';
}

export interface MigrationReport {
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly adoptedRows: number;
  /**
   * Whether the view's table was missing although the journal has events. Its rows have to be made from the journal.
   */
  readonly viewIsEmpty: boolean;
  /** Sentences on what an operator should know of the view. */
  readonly notes: readonly string[];
}
