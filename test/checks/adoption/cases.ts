/** Tables with the name `orders` that other programs may have made, and the expected result for each. */
import { FLAGS, KEYS } from './flags-and-keys.ts';
import { ORM_TABLES } from './orm-tables.ts';
import {
  ALL,
  type DatabaseKind,
  FLAG,
  KEY,
  ORIGINAL,
  PAID,
  SERVERS,
  STATUSES,
  type TableCase,
} from './table-case.ts';

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
