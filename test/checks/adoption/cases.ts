/** Tables with the name `orders` that other programs may have made, and the expected result for each. */
import { ORM_TABLES } from './orm-tables.ts';

export type DatabaseKind = 'mariadb' | 'mysql' | 'sqlite';
const ALL: readonly DatabaseKind[] = ['mariadb', 'mysql', 'sqlite'];
const SERVERS: readonly DatabaseKind[] = ['mariadb', 'mysql'];

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

const STATUSES = 'order_status VARCHAR(50), payment_status VARCHAR(50), review_status VARCHAR(50)';
const FLAG = 'ready_to_send BOOLEAN DEFAULT FALSE';
const KEY = 'order_id VARCHAR(255) PRIMARY KEY';
const ORIGINAL = `CREATE TABLE orders (${KEY}, ${STATUSES}, ${FLAG})`;
const PAID = "'CREATED', 'PAYMENT_AUTHORIZED', NULL";

const flagCase = (type: string, yes: string, no: string, on: readonly DatabaseKind[] = ALL): TableCase => ({
  name: `flag ${type} ${yes}/${no}`,
  on,
  flag: { yes, no },
  sql: `CREATE TABLE orders (${KEY}, ${STATUSES}, ready_to_send ${type})`,
});

const unclearFlag = (
  type: string,
  values: readonly string[],
  named: readonly string[],
  on: readonly DatabaseKind[] = ALL,
): TableCase => ({
  name: `flag ${type} of ${values.join(' ')}`,
  on,
  sql: `CREATE TABLE orders (${KEY}, ${STATUSES}, ready_to_send ${type})`,
  rows: values.map((value, index) => `INSERT INTO orders VALUES ('row ${index}', ${PAID}, ${value})`),
  refused: ['ready_to_send', ...named],
});

const FLAGS: readonly TableCase[] = [
  flagCase('BOOLEAN', 'TRUE', 'FALSE'),
  flagCase('INTEGER', '1', '0'),
  flagCase('BIGINT UNSIGNED', '1', '0', SERVERS),
  flagCase('DECIMAL(1,0)', '1', '0'),
  flagCase('DOUBLE', '1', '0'),
  flagCase('BIT(1)', "b'1'", "b'0'", SERVERS),
  flagCase('BIT(8)', "b'1'", "b'0'", SERVERS),
  flagCase('VARCHAR(5)', "'TRUE'", "'FALSE'"),
  flagCase('VARCHAR(5)', "'true'", "'false'"),
  flagCase('CHAR(5)', "'True'", "'False'"),
  flagCase('CHAR(1)', "'Y'", "'N'"),
  flagCase('CHAR(1)', "'t'", "'f'"),
  flagCase('VARCHAR(3)', "'Yes'", "'no'"),
  flagCase('VARCHAR(1)', "'1'", "'0'"),
  flagCase('TEXT', "'on'", "'off'"),
  flagCase("ENUM('N','Y') NOT NULL", "'Y'", "'N'", SERVERS),
  flagCase("ENUM('0','1') NOT NULL", "'1'", "'0'", SERVERS),
  flagCase("SET('Y','N')", "'Y'", "'N'", SERVERS),
  flagCase('CHAR(1) CHARACTER SET latin1', "'Y'", "'N'", SERVERS),
  flagCase('BOOLEAN NOT NULL', 'TRUE', 'FALSE'),
  unclearFlag('INTEGER', ['2', '0', '-1'], ['2', '-1']),
  unclearFlag('CHAR(1)', ["'N'", "'T'", "'F'"], ['"T"', '"F"']),
  unclearFlag('VARCHAR(10)', ["'Y'", "''"], ['""']),
  unclearFlag('VARCHAR(10)', ["'J'", "'N'"], ['"J"']),
  unclearFlag('VARCHAR(20)', ["'SENT'", "'false'"], ['"SENT"']),
  unclearFlag("ENUM('sent','waiting')", ["'sent'", "'waiting'"], ['"sent"', '"waiting"'], SERVERS),
  unclearFlag('BIT(4)', ["b'0101'"], ['5'], SERVERS),
  unclearFlag('DECIMAL(3,1)', ['0.5'], ['0.5']),
  unclearFlag('DATETIME', ["'2024-01-01 00:00:00'"], [], SERVERS),
  unclearFlag('TIMESTAMP NULL', ['NULL'], ['timestamp'], SERVERS),
  unclearFlag('TEXT', ["x'01'"], ['0x01'], ['sqlite']),
  {
    name: 'flag that is TRUE by default',
    sql: `CREATE TABLE orders (${KEY}, ${STATUSES}, ready_to_send BOOLEAN DEFAULT TRUE)`,
    refused: ['ready_to_send', 'default'],
  },
  {
    name: 'flag that is computed',
    sql: `CREATE TABLE orders (${KEY}, ${STATUSES}, ready_to_send BOOLEAN AS (payment_status = 'PAYMENT_AUTHORIZED'))`,
    rows: [
      `INSERT INTO orders (order_id, order_status, payment_status) VALUES ('a', 'CREATED', 'PAYMENT_AUTHORIZED')`,
    ],
    refused: ['ready_to_send', 'computed'],
  },
  {
    name: 'flag that is NULL',
    sql: ORIGINAL,
    rows: [`INSERT INTO orders VALUES ('a', ${PAID}, NULL)`],
    expected: [
      { id: 'a', order: 'CREATED', payment: 'PAYMENT_AUTHORIZED', review: null, delivery: 'pending' },
    ],
  },
];

const keyCase = (key: string, ids: TableCase['ids'], on: readonly DatabaseKind[] = ALL): TableCase => ({
  name: `key ${key}`,
  on,
  ...(ids === undefined ? {} : { ids }),
  sql: `CREATE TABLE orders (${key}, ${STATUSES}, ${FLAG})`,
});

const KEYS: readonly TableCase[] = [
  { name: "the original's own table", sql: ORIGINAL },
  keyCase('order_id VARCHAR(255) UNIQUE', undefined),
  keyCase('order_id VARCHAR(255)', undefined),
  keyCase('order_id CHAR(36) PRIMARY KEY', 'uuid'),
  keyCase('order_id BIGINT PRIMARY KEY', 'number'),
  keyCase('order_id BIGINT AUTO_INCREMENT PRIMARY KEY', 'number', SERVERS),
  keyCase('order_id INTEGER PRIMARY KEY AUTOINCREMENT', 'number', ['sqlite']),
  keyCase('order_id VARBINARY(255) PRIMARY KEY', undefined, SERVERS),
  keyCase('order_id TEXT, KEY (order_id(20))', undefined, SERVERS),
  keyCase('order_id VARCHAR(100) CHARACTER SET latin1 PRIMARY KEY', undefined, SERVERS),
  keyCase('order_id VARCHAR(100) CHARACTER SET utf16 PRIMARY KEY', undefined, SERVERS),
  keyCase('order_id VARCHAR(100) COLLATE NOCASE PRIMARY KEY', undefined, ['sqlite']),
  {
    name: 'primary key of two columns',
    sql: `CREATE TABLE orders (order_id VARCHAR(100) NOT NULL, order_status VARCHAR(50) NOT NULL, payment_status VARCHAR(50), review_status VARCHAR(50), ${FLAG}, PRIMARY KEY (order_id, order_status))`,
    rows: [`INSERT INTO orders VALUES ('a', ${PAID}, 0)`],
    expected: [
      { id: 'a', order: 'CREATED', payment: 'PAYMENT_AUTHORIZED', review: null, delivery: 'pending' },
    ],
  },
  {
    name: 'key of BINARY(16)',
    on: SERVERS,
    sql: `CREATE TABLE orders (order_id BINARY(16) PRIMARY KEY, ${STATUSES}, ${FLAG})`,
    rows: [`INSERT INTO orders VALUES ('a', ${PAID}, 0)`],
    refused: ['order_id', 'binary(16)'],
  },
  {
    name: 'key of DOUBLE',
    on: SERVERS,
    sql: `CREATE TABLE orders (order_id DOUBLE PRIMARY KEY, ${STATUSES}, ${FLAG})`,
    rows: [`INSERT INTO orders VALUES (1.5, ${PAID}, 0)`],
    refused: ['order_id', 'double'],
  },
  {
    name: 'key that is padded with zeros',
    on: SERVERS,
    sql: `CREATE TABLE orders (order_id INT(8) ZEROFILL PRIMARY KEY, ${STATUSES}, ${FLAG})`,
    rows: [`INSERT INTO orders VALUES (7, ${PAID}, 0)`],
    refused: ['order_id', 'zeros'],
  },
  {
    name: 'ids 1 and "1", a number and a text',
    on: ['sqlite'],
    sql: `CREATE TABLE orders (order_id PRIMARY KEY, ${STATUSES}, ${FLAG})`,
    rows: [`INSERT INTO orders VALUES (1, ${PAID}, 0), ('1', ${PAID}, 0), (1.5, ${PAID}, 0)`],
    refused: ['"1"', '1.5'],
  },
  {
    name: 'ids that differ in case and blanks',
    sql: `CREATE TABLE orders (order_id VARCHAR(255), ${STATUSES}, ${FLAG})`,
    rows: [
      `INSERT INTO orders VALUES ('A1', ${PAID}, 0), ('a1', ${PAID}, 1), ('A1 ', 'CREATED', NULL, NULL, 0)`,
    ],
    expected: [
      { id: 'A1', order: 'CREATED', payment: 'PAYMENT_AUTHORIZED', review: null, delivery: 'pending' },
      { id: 'a1', order: 'CREATED', payment: 'PAYMENT_AUTHORIZED', review: null, delivery: 'delivered' },
      { id: 'A1 ', order: 'CREATED', payment: null, review: null, delivery: null },
    ],
  },
  {
    name: 'an id of latin1',
    on: SERVERS,
    sql: `CREATE TABLE orders (order_id CHAR(36) PRIMARY KEY, ${STATUSES}, ${FLAG}) CHARACTER SET latin1`,
    rows: [`INSERT INTO orders VALUES ('M\u00fcller-1', ${PAID}, 0)`],
    expected: [
      {
        id: 'M\u00fcller-1',
        order: 'CREATED',
        payment: 'PAYMENT_AUTHORIZED',
        review: null,
        delivery: 'pending',
      },
    ],
  },
];

const odd = (
  name: string,
  rows: readonly string[],
  refused: readonly string[],
  table = `CREATE TABLE orders (order_id VARCHAR(300), ${STATUSES}, ${FLAG})`,
  on: readonly DatabaseKind[] = ALL,
): TableCase => ({
  name,
  on,
  sql: table,
  rows: rows.map((row) => `INSERT INTO orders VALUES (${row})`),
  refused,
});

const ROWS: readonly TableCase[] = [
  odd(
    'doubled ids',
    [`'a', ${PAID}, 0`, `'a', 'CREATED', NULL, NULL, 0`, `'b', ${PAID}, 0`],
    ['"a"', 'order_id'],
  ),
  odd(
    'ids that are NULL and empty',
    [`'a', ${PAID}, 0`, `'', ${PAID}, 0`, `NULL, ${PAID}, 0`],
    ['id_null', 'id_empty'],
  ),
  odd('an id of 300 bytes', [`'${'x'.repeat(300)}', ${PAID}, 0`], ['255', 'id_too_long']),
  odd(
    'an id that is not UTF-8',
    [`x'61ff62', ${PAID}, 0`],
    ['61ff62'],
    `CREATE TABLE orders (order_id VARBINARY(20) PRIMARY KEY, ${STATUSES}, ${FLAG})`,
  ),
  odd(
    'an unknown status',
    [`'a', 'SHIPPED', NULL, NULL, 0`, `'b', 'CREATED', 'PAID', 'MAYBE', 0`],
    ['"a"', 'SHIPPED', '"b"', 'PAID', 'MAYBE'],
  ),
  odd(
    'statuses in another case, and empty ones',
    [`'a', 'Created', 'PAYMENT_AUTHORIZED', '', 0`],
    ['"a"', 'Created', 'review_status'],
  ),
  odd('a status with a trailing blank', [`'a', 'CREATED ', NULL, NULL, 0`], ['"a"', 'CREATED ']),
  odd(
    'several faults in one row',
    [`NULL, 'SHIPPED', 'PAID', NULL, 2`],
    ['id_null', 'SHIPPED', 'PAID', '2'],
    `CREATE TABLE orders (order_id VARCHAR(50), ${STATUSES}, ready_to_send INTEGER)`,
  ),
  odd(
    'statuses as numbers',
    [`'a', 0, 1, NULL, 0`],
    ['order_status', 'payment_status'],
    `CREATE TABLE orders (${KEY}, order_status INTEGER, payment_status INTEGER, review_status VARCHAR(50), ${FLAG})`,
  ),
  odd(
    'statuses as JSON',
    [`'a', '"CREATED"', NULL, NULL, 0`],
    ['order_status'],
    `CREATE TABLE orders (${KEY}, order_status JSON, payment_status VARCHAR(50), review_status VARCHAR(50), ${FLAG})`,
    SERVERS,
  ),
  {
    name: "statuses as CHAR, and the original's texts for no status",
    sql: `CREATE TABLE orders (${KEY}, order_status CHAR(50), payment_status CHAR(50), review_status CHAR(50), ${FLAG})`,
    rows: [
      `INSERT INTO orders VALUES ('a', 'CREATED', 'PAYMENT_AUHTORIZED', 'undefined', 1), ('b', 'CREATED', 'null', NULL, 0)`,
    ],
    expected: [
      { id: 'a', order: 'CREATED', payment: 'PAYMENT_AUTHORIZED', review: null, delivery: 'delivered' },
      { id: 'b', order: 'CREATED', payment: null, review: null, delivery: null },
    ],
  },
];

const COLUMNS: readonly TableCase[] = [
  {
    name: 'two more columns that must not be NULL',
    more: { customer_name: "'N. N.'", total: '12.50' },
    sql: `CREATE TABLE orders (${KEY}, ${STATUSES}, ${FLAG}, customer_name VARCHAR(100) NOT NULL, total DECIMAL(10,2) NOT NULL)`,
    refused: ['customer_name', 'total', '--keep-original-columns'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'an unrelated table',
    sql: 'CREATE TABLE orders (id BIGINT PRIMARY KEY, customer_id BIGINT NOT NULL, status VARCHAR(20), total DECIMAL(10,2))',
    rows: ["INSERT INTO orders VALUES (1, 1, 'NEW', 5)"],
    refused: ['database of its own', 'customer_id'],
  },
  {
    name: 'a missing column',
    sql: `CREATE TABLE orders (${KEY}, ${STATUSES})`,
    rows: 'none',
    refused: ['ready_to_send'],
  },
  {
    name: 'names in capitals',
    sql: 'CREATE TABLE orders (Order_ID VARCHAR(255) PRIMARY KEY, ORDER_STATUS VARCHAR(50), Payment_Status VARCHAR(50), review_STATUS VARCHAR(50), READY_TO_SEND BOOLEAN DEFAULT FALSE)',
  },
  {
    name: 'columns in another sequence, and a computed column',
    sql: `CREATE TABLE orders (ready_to_send BOOLEAN, review_status VARCHAR(50), payment_status VARCHAR(50), order_status VARCHAR(50), ${KEY}, is_paid BOOLEAN AS (payment_status IS NOT NULL))`,
    refused: ['is_paid'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'an invisible column',
    on: ['mariadb'],
    sql: `CREATE TABLE orders (${KEY}, ${STATUSES}, ${FLAG}, secret INT INVISIBLE DEFAULT 1)`,
    refused: ['secret'],
    takenWith: ['--keep-original-columns'],
  },
  { name: 'no rows', sql: ORIGINAL, rows: 'none', expected: [] },
];

const DEPENDENTS: readonly TableCase[] = [
  {
    name: 'a trigger',
    on: SERVERS,
    sql: `${ORIGINAL}; CREATE TABLE audit (order_id VARCHAR(255))`,
    afterwards: [
      'CREATE TRIGGER orders_audit AFTER INSERT ON orders FOR EACH ROW INSERT INTO audit VALUES (NEW.order_id)',
    ],
    refused: ['orders_audit'],
  },
  {
    name: 'a trigger on SQLite',
    on: ['sqlite'],
    sql: `${ORIGINAL}; CREATE TABLE audit (order_id VARCHAR(255))`,
    afterwards: [
      'CREATE TRIGGER orders_audit AFTER INSERT ON orders BEGIN INSERT INTO audit VALUES (NEW.order_id); END',
    ],
    refused: ['orders_audit'],
  },
  {
    name: 'a trigger of another table that writes to orders',
    on: SERVERS,
    sql: `${ORIGINAL}; CREATE TABLE payments (order_id VARCHAR(255))`,
    afterwards: [
      "CREATE TRIGGER paid AFTER INSERT ON payments FOR EACH ROW UPDATE orders SET payment_status = 'PAYMENT_AUTHORIZED' WHERE order_id = NEW.order_id",
    ],
    refused: ['paid of payments'],
  },
  {
    name: 'a foreign key of another table',
    sql: `${ORIGINAL}; CREATE TABLE items (id INT PRIMARY KEY, order_id VARCHAR(255), CONSTRAINT items_of_order FOREIGN KEY (order_id) REFERENCES orders (order_id))`,
    refused: ['items'],
  },
  {
    name: 'a foreign key to another table',
    sql: `CREATE TABLE known (order_id VARCHAR(255) PRIMARY KEY); INSERT INTO known VALUES ('sent'), ('due'), ('created'), ('pending'), ('empty'); CREATE TABLE orders (${KEY}, ${STATUSES}, ${FLAG}, CONSTRAINT order_is_known FOREIGN KEY (order_id) REFERENCES known (order_id))`,
    refused: ['known'],
  },
  {
    name: 'a view of the table',
    sql: ORIGINAL,
    afterwards: ['CREATE VIEW ready_orders AS SELECT order_id FROM orders WHERE ready_to_send = 1'],
    refused: ['ready_orders'],
  },
  {
    name: 'a procedure that names the table',
    on: SERVERS,
    sql: ORIGINAL,
    afterwards: ['CREATE PROCEDURE clear_orders() DELETE FROM orders'],
    refused: ['clear_orders'],
  },
  {
    name: 'a scheduled event that names the table',
    on: SERVERS,
    sql: ORIGINAL,
    afterwards: [
      'CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders WHERE ready_to_send = 1',
    ],
    refused: ['nightly'],
  },
  {
    name: 'several faults and dependents at once',
    on: SERVERS,
    sql: `CREATE TABLE orders (order_id VARCHAR(255), ${STATUSES}, ready_to_send VARCHAR(9), note TEXT)`,
    rows: [
      `INSERT INTO orders VALUES ('a', ${PAID}, 'maybe', NULL), ('a', 'SHIPPED', NULL, NULL, 'Y', NULL), (NULL, ${PAID}, 'N', NULL)`,
    ],
    afterwards: [
      'CREATE VIEW ready_orders AS SELECT order_id FROM orders',
      'CREATE TRIGGER before_orders BEFORE UPDATE ON orders FOR EACH ROW SET NEW.note = OLD.note',
    ],
    refused: ['note', 'ready_orders', 'before_orders', '"maybe"', 'SHIPPED', 'id_null', 'id_doubled'],
  },
  {
    name: 'an additional index',
    sql: ORIGINAL,
    afterwards: ['CREATE INDEX by_payment ON orders (payment_status)'],
  },
  {
    name: 'a table orders_original',
    sql: `${ORIGINAL}; CREATE TABLE orders_original (id INT)`,
    refused: ['orders_original'],
  },
  {
    name: 'a table deliveries of another program',
    sql: `${ORIGINAL}; CREATE TABLE deliveries (id INT, driver VARCHAR(20))`,
    refused: ['deliveries', 'database of its own'],
  },
  {
    name: 'a table schema_migrations of another program',
    sql: `${ORIGINAL}; CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY)`,
    afterwards: ["INSERT INTO schema_migrations VALUES ('20240102030405')"],
    refused: ['schema_migrations', 'database of its own'],
  },
];

const STORAGE: readonly TableCase[] = [
  {
    name: 'a view called orders',
    sql: `CREATE TABLE real_orders (${KEY}, ${STATUSES}, ${FLAG}); CREATE VIEW orders AS SELECT * FROM real_orders`,
    rows: 'none',
    refused: ['view'],
  },
  { name: 'MyISAM', on: SERVERS, sql: `${ORIGINAL} ENGINE = MyISAM CHARACTER SET latin1` },
  { name: 'Aria', on: ['mariadb'], sql: `${ORIGINAL} ENGINE = Aria` },
  { name: 'MEMORY', on: SERVERS, sql: `${ORIGINAL} ENGINE = MEMORY` },
  { name: 'partitions', on: SERVERS, sql: `${ORIGINAL} PARTITION BY KEY (order_id) PARTITIONS 4` },
  {
    name: 'system versioning',
    on: ['mariadb'],
    sql: `${ORIGINAL} WITH SYSTEM VERSIONING`,
    refused: ['SYSTEM VERSIONING'],
  },
  {
    name: 'a sequence called orders',
    on: ['mariadb'],
    sql: 'CREATE SEQUENCE orders',
    rows: 'none',
    refused: ['sequence'],
  },
  {
    name: 'WITHOUT ROWID',
    on: ['sqlite'],
    sql: `CREATE TABLE orders (order_id TEXT PRIMARY KEY, ${STATUSES}, ${FLAG}) WITHOUT ROWID`,
  },
  {
    name: 'STRICT',
    on: ['sqlite'],
    sql: 'CREATE TABLE orders (order_id TEXT PRIMARY KEY, order_status TEXT, payment_status TEXT, review_status TEXT, ready_to_send INTEGER) STRICT',
  },
  {
    name: 'a virtual table',
    on: ['sqlite'],
    sql: 'CREATE VIRTUAL TABLE orders USING fts5(order_id, order_status, payment_status, review_status, ready_to_send)',
    rows: 'none',
    refused: ['virtual table'],
  },
  {
    name: 'checks',
    sql: `CREATE TABLE orders (${KEY}, order_status VARCHAR(50) CHECK (order_status IN ('CREATED')), payment_status VARCHAR(50), review_status VARCHAR(50), ${FLAG})`,
  },
];

const CASES: readonly TableCase[] = [
  ...ORM_TABLES,
  ...KEYS,
  ...FLAGS,
  ...ROWS,
  ...COLUMNS,
  ...DEPENDENTS,
  ...STORAGE,
];

export function casesFor(database: DatabaseKind): readonly TableCase[] {
  return CASES.filter(({ on = ALL }) => on.includes(database));
}
