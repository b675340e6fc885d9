import type { ViewColumn } from '../domain.ts';

/** The view's table and columns, as a store makes them. */
export interface ViewShape {
  readonly table: string;
  readonly keyColumn: string;
  readonly columns: readonly ViewColumn[];
}

/**
 * What kind of values a column holds. `untyped`: the column itself does not say (SQLite), each value does. `bytes` have
 * any length, `padded bytes` are filled up with zeros.
 */
export type ValueFamily =
  | 'text'
  | 'enum'
  | 'integer'
  | 'decimal'
  | 'bits'
  | 'bytes'
  | 'padded bytes'
  | 'uuid'
  | 'untyped'
  | 'other';

export interface FoundColumn {
  readonly name: string;
  /** As the database shows it, for messages. */
  readonly type: string;
  readonly family: ValueFamily;
  /** Whether the database computes its values. */
  readonly isGenerated: boolean;
  /** As the database shows it; null if there is none. */
  readonly defaultValue: string | null;
}

/** Something in the database that is bound to the table, or names it. */
export interface Attachment {
  readonly kind:
    | 'trigger'
    | 'trigger of another table'
    | 'foreign key of it'
    | 'foreign key to it'
    | 'view'
    | 'routine'
    | 'event';
  readonly name: string;
}

/** A table with the view's name, as an adapter finds it in its catalog. */
export interface FoundTable {
  readonly name: string;
  /** `table`, or what else it is: `a view`, `a sequence`. */
  readonly kind: string;
  /** What the adapter alone knows of, and what stands in the way: how the rows are kept. */
  readonly findings: readonly Finding[];
  readonly columns: readonly FoundColumn[];
  /** Whether the database lets no two rows have one id. */
  readonly isKeyUnique: boolean;
  readonly attachments: readonly Attachment[];
  /** Tables that stand where the taking over has to put its own. */
  readonly namesTaken: readonly string[];
  /** What a person may want to know of it that stops nothing. */
  readonly notes: readonly string[];
  /** Whether the table says of itself that it was a view of ours. */
  readonly isMarkedOurs: boolean;
}

/** What a person has said yes to. */
export interface AdoptionChoices {
  /** Columns that the view has not stay in the table that is kept, and nowhere else. */
  readonly leavesOtherColumns: boolean;
  /** Rows that are marked as deleted are taken over as any other. */
  readonly takesDeletedRows: boolean;
}

export const NO_CHOICES: AdoptionChoices = { leavesOtherColumns: false, takesDeletedRows: false };

/** One thing that stands in the way, and what to do about it. */
export interface Finding {
  /** A stable word, for programs. */
  readonly code: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Names of columns are compared as every database here does it: without regard to case. */
export function isSameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

export function columnNamed(table: Pick<FoundTable, 'columns'>, name: string): FoundColumn | undefined {
  return table.columns.find((column) => isSameName(column.name, name));
}

/** What our own views say of themselves where the database lets a table say something. */
export const VIEW_MARK = 'A view of the Tributary journal: made from it, and written by Tributary alone';
