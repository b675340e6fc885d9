import type { ViewColumn } from '../domain.ts';

/** The view's table and columns, as a store makes them. */
export interface ViewShape {
  readonly table: string;
  readonly keyColumn: string;
  readonly columns: readonly ViewColumn[];
}

/**
 * The kind of a column's values. `untyped`: in SQLite a column may have no type, and each value has its own. `bytes` have any
 * length. `padded bytes` are filled up with zeros. A `moment` is a date with a time, and no zone: it is taken for UTC.
 */
export type ValueFamily =
  | 'text'
  | 'enum'
  | 'integer'
  | 'decimal'
  | 'float'
  | 'bits'
  | 'bytes'
  | 'padded bytes'
  | 'uuid'
  | 'moment'
  | 'json'
  | 'untyped'
  | 'other';

export interface FoundColumn {
  readonly name: string;
  /** The type as the database shows it, for messages. */
  readonly type: string;
  readonly family: ValueFamily;
  /** Whether the database computes its values. */
  readonly isGenerated: boolean;
  /** The default as the database shows it; null if there is none. */
  readonly defaultValue: string | null;
}

/** An object of the database that is bound to the table, or names it. */
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
  /** `table`, or another kind of object: `a view`, `a sequence`. */
  readonly kind: string;
  /** Findings that only the adapter can make, about the way in which the rows are kept. */
  readonly findings: readonly Finding[];
  readonly columns: readonly FoundColumn[];
  /** Whether the database keeps two rows from having the same id. */
  readonly isKeyUnique: boolean;
  readonly attachments: readonly Attachment[];
  /** Tables with the names that the take-over needs for its own tables. */
  readonly namesTaken: readonly string[];
  /** Sentences about the table that do not keep it from being taken over. */
  readonly notes: readonly string[];
  /** Whether the comment of the table says that it was a view of ours. */
  readonly isMarkedOurs: boolean;
}

/** The choices of a person who gave the command. */
export interface AdoptionChoices {
  /** Columns that the view does not have are not taken over. They stay in the original table, which is kept. */
  readonly leavesOtherColumns: boolean;
  /** Rows that are marked as deleted are taken over like all others. */
  readonly takesDeletedRows: boolean;
}

export const NO_CHOICES: AdoptionChoices = { leavesOtherColumns: false, takesDeletedRows: false };

/** One reason why the table cannot be taken over, with its remedy. */
export interface Finding {
  /** A stable code, for programs. */
  readonly code: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Compares names of columns without regard to case, as all supported databases do. */
export function isSameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

export function columnNamed(table: Pick<FoundTable, 'columns'>, name: string): FoundColumn | undefined {
  return table.columns.find((column) => isSameName(column.name, name));
}

/** The comment of our own views, where the database has comments on tables. */
export const VIEW_MARK = 'A view of the Tributary journal: made from it, and written by Tributary alone';
