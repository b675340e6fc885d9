/** Tables whose flag or key has another form than the original. */
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

export const FLAGS: readonly TableCase[] = [
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

export const KEYS: readonly TableCase[] = [
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
