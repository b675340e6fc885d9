import type { AdoptionChoices, ViewShape } from '../core/adoption/index.ts';
import type { ViewRow } from '../core/domain.ts';
import type { JournaledEvent } from './journal.ts';

export interface MigrationOptions {
  readonly view: ViewShape;
  /** The names of the targets that a row taken over as delivered counts as delivered to. */
  readonly targets: readonly string[];
  /** Throws an Error that says what it does not understand of a row. */
  readonly adopt: ((entityId: string, row: ViewRow) => AdoptedEntity) | null;
  /** What a person has said yes to; nothing, if it is left out. */
  readonly choices?: AdoptionChoices;
  readonly nowMs: number;
  /** Whether an administrator asked for it: then what protects the journal is looked after as well. Default: a start. */
  readonly asCommand?: boolean;
}

/** What becomes of one row that another program made. */
export interface AdoptedEntity {
  readonly events: readonly JournaledEvent[];
  readonly row: ViewRow;
  /** `sent`: the target has exactly this state. `due`: it must be sent. `none`: it never was ready. */
  readonly delivery: 'sent' | 'due' | 'none';
}

export interface MigrationReport {
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly adoptedRows: number;
  /** Whether the view's table was missing although there is a journal: its rows are to be made from the journal. */
  readonly viewIsEmpty: boolean;
  /** What an operator should know of the view; sentences. */
  readonly notes: readonly string[];
}
