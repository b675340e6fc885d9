import type { RawValue } from '../../core/adoption/index.ts';

/** A column as its CREATE TABLE has it. */
export interface ForeignColumn {
  readonly name: string;
  /** Such as `VARCHAR(50)`. */
  readonly type: string;
  readonly isKey: boolean;
  readonly hasDefault: boolean;
}

/** A table or view of another program. The store only looks at it, and may take it over. */
export class ForeignTable {
  readonly kind: 'table' | 'view';
  readonly columns: readonly ForeignColumn[];
  readonly rows: Record<string, RawValue>[];
  /** The tables that a view names. */
  readonly over: readonly string[];

  constructor(
    columns: readonly ForeignColumn[],
    rows: Record<string, RawValue>[] = [],
    kind: 'table' | 'view' = 'table',
    over: readonly string[] = [],
  ) {
    this.columns = columns;
    this.rows = rows;
    this.kind = kind;
    this.over = over;
  }

  clone(): ForeignTable {
    return new ForeignTable(
      this.columns,
      this.rows.map((row) => ({ ...row })),
      this.kind,
      this.over,
    );
  }
}
