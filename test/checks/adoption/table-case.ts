/** The form of a case, its standard rows, and the parts of SQL that the cases share. */
export type DatabaseKind = 'mariadb' | 'mysql' | 'sqlite';
export const ALL: readonly DatabaseKind[] = ['mariadb', 'mysql', 'sqlite'];
export const SERVERS: readonly DatabaseKind[] = ['mariadb', 'mysql'];

export interface TableCase {
  readonly name: string;
  /** The databases on which the table is tried; all if it is left out. */
  readonly on?: readonly DatabaseKind[];
  /** Statements that make the table, separated by semicolons. */
  readonly sql: string;
  /** Statements that run after the rows were inserted. Each may contain semicolons. */
  readonly afterwards?: readonly string[];
  /** The SQL of the two values of the flag; 1 and 0 if it is left out. */
  readonly flag?: { readonly yes: string; readonly no: string };
  /** The kind of ids of the standard rows; names if it is left out. */
  readonly ids?: 'uuid' | 'number';
  /** The SQL of the values of additional columns, by column. */
  readonly more?: Readonly<Record<string, string>>;
  /** SQL statements that insert other rows than the standard ones; `none` inserts no row. */
  readonly rows?: 'none' | readonly string[];
  /** The options of the first `adopt`. */
  readonly with?: readonly string[];
  /** The words that the report must contain, if the first `adopt` must refuse the table. */
  readonly refused?: readonly string[];
  /** The options with which a second `adopt` must take over the refused table. */
  readonly takenWith?: readonly string[];
  /** The expected rows of a table with other rows than the standard ones. */
  readonly expected?: readonly ExpectedRow[];
}

export interface ExpectedRow {
  readonly id: string;
  readonly order: string | null;
  readonly payment: string | null;
  readonly review: string | null;
  /** The expected status of the delivery in the ledger; null if the ledger must have none. */
  readonly delivery: 'delivered' | 'pending' | null;
}

/** A row of the standard table. `wasSent` is the value of the flag. */
interface StandardRow extends ExpectedRow {
  readonly wasSent: boolean;
}

const NAMES = ['sent', 'due', 'created', 'pending', 'empty'];
const UUIDS = NAMES.map((_, index) => `6f1ed002-ab5f-4c6e-9d3b-00000000000${index}`);
const NUMBERS = ['1', '22', '333', '4444', '9007199254740993'];

export function standardRows(ids: TableCase['ids']): readonly StandardRow[] {
  const [sent, due, created, pending, empty] = (
    ids === 'uuid' ? UUIDS : ids === 'number' ? NUMBERS : NAMES
  ) as [string, string, string, string, string];
  const paid = { order: 'CREATED', payment: 'PAYMENT_AUTHORIZED', review: null };
  return [
    { id: sent, ...paid, wasSent: true, delivery: 'delivered' },
    { id: due, ...paid, wasSent: false, delivery: 'pending' },
    { id: created, order: 'CREATED', payment: null, review: null, wasSent: false, delivery: null },
    {
      id: pending,
      order: 'CREATED',
      payment: 'PAYMENT_AUTH_WITHPENDING_REVIEW',
      review: 'PENDING',
      wasSent: false,
      delivery: null,
    },
    { id: empty, order: null, payment: null, review: null, wasSent: false, delivery: null },
  ];
}

/** Returns the statements that fill the table. */
export function fillTable({ rows, ids, flag, more = {} }: TableCase): readonly string[] {
  if (rows === 'none') return [];
  if (rows !== undefined) return rows;
  const { yes, no } = flag ?? { yes: '1', no: '0' };
  const text = (value: string | null) => (value === null ? 'NULL' : `'${value}'`);
  const id = (value: string) => (ids === 'number' ? value : `'${value}'`);
  const columns = [
    'order_id',
    'order_status',
    'payment_status',
    'review_status',
    'ready_to_send',
    ...Object.keys(more),
  ];
  const list = standardRows(ids).map((row) =>
    [
      id(row.id),
      text(row.order),
      text(row.payment),
      text(row.review),
      row.wasSent ? yes : no,
      ...Object.values(more),
    ].join(', '),
  );
  return [`INSERT INTO orders (${columns.join(', ')}) VALUES (${list.join('), (')})`];
}

export const STATUSES = 'order_status VARCHAR(50), payment_status VARCHAR(50), review_status VARCHAR(50)';
export const FLAG = 'ready_to_send BOOLEAN DEFAULT FALSE';
export const KEY = 'order_id VARCHAR(255) PRIMARY KEY';
export const ORIGINAL = `CREATE TABLE orders (${KEY}, ${STATUSES}, ${FLAG})`;
export const PAID = "'CREATED', 'PAYMENT_AUTHORIZED', NULL";
