import { describe, expect, it, onTestFinished } from 'vitest';
import { describeTable, findTables } from '../../../src/adapters/sqlite/catalog.ts';
import { Connection } from '../../../src/adapters/sqlite/database.ts';
import { VIEW_MARK } from '../../../src/core/adoption/index.ts';

const VIEW = { table: 'orders', keyColumn: 'id', columns: [] };

/** A database in memory in which these statements have run. */
function databaseOf(...statements: readonly string[]): Connection {
  const connection = new Connection(':memory:', false);
  onTestFinished(() => connection.close());
  for (const sql of statements) connection.statement(sql).run();
  return connection;
}

function described(statements: readonly string[], table = 'orders', namesNeeded: readonly string[] = []) {
  const connection = databaseOf(...statements);
  const facts = findTables(connection, [table]).get(table);
  if (facts === undefined) throw new Error(`There is no ${table}.`);
  return describeTable(connection, VIEW, facts, namesNeeded);
}

describe('a table of another program', () => {
  it('findTables finds each name in any case, and says what it is', () => {
    const connection = databaseOf(
      'CREATE TABLE Orders (id TEXT)',
      'CREATE VIEW latest AS SELECT 1',
      'CREATE VIRTUAL TABLE texts USING fts5(body)',
      `CREATE TABLE ours (id TEXT /* ${VIEW_MARK} */)`,
      'CREATE INDEX by_id ON Orders (id)',
    );
    const found = findTables(connection, ['orders', 'latest', 'texts', 'ours', 'by_id', 'none']);
    expect([...found]).toEqual([
      ['orders', { name: 'Orders', kind: 'table', isMarkedOurs: false }],
      ['latest', { name: 'latest', kind: 'a view', isMarkedOurs: false }],
      ['texts', { name: 'texts', kind: 'a virtual table', isMarkedOurs: false }],
      ['ours', { name: 'ours', kind: 'table', isMarkedOurs: true }],
    ]);
  });

  it.each<[string, boolean]>([
    ['CREATE TABLE orders (id TEXT PRIMARY KEY)', true],
    ['CREATE TABLE orders (ID VARCHAR(9) UNIQUE)', true],
    ['CREATE TABLE orders (id TEXT)', false],
    ['CREATE TABLE orders (id PRIMARY KEY)', false],
    ['CREATE TABLE orders (id REAL PRIMARY KEY)', false],
    ['CREATE TABLE orders (id TEXT, shop TEXT, PRIMARY KEY (id, shop))', false],
    ['CREATE TABLE orders (number TEXT PRIMARY KEY)', false],
  ])('tells by a key of one typed column whether ids are unique: %s is %j', (sql, isUnique) => {
    expect(described([sql]).isKeyUnique).toBe(isUnique);
  });

  it.each([
    ['CREATE UNIQUE INDEX by_id ON orders (id)', true],
    ['CREATE UNIQUE INDEX by_id ON orders (id) WHERE id > 1', false],
    ['CREATE INDEX by_id ON orders (id)', false],
    ['CREATE UNIQUE INDEX by_id ON orders (lower(id))', false],
  ])('takes an index for a key of ids if it is unique over all rows: %s is %j', (index, isUnique) => {
    const table = described(['CREATE TABLE orders (id TEXT)', index]);
    expect(table.isKeyUnique).toBe(isUnique);
    expect(table.notes).toEqual([
      'its indexes "by_id" stay with the renamed table, and the view has none of them',
    ]);
  });

  it('describes the columns, with those that are generated, and the names that are taken', () => {
    const table = described(
      ['CREATE TABLE orders (id TEXT PRIMARY KEY, state, total INT DEFAULT 5, twice AS (total * 2))'],
      'orders',
      ['ORDERS', 'journal'],
    );
    const column = (name: string, type: string, more: object = {}) => ({
      name,
      type,
      family: 'untyped',
      isGenerated: false,
      defaultValue: null,
      ...more,
    });
    expect(table.columns).toEqual([
      column('id', 'TEXT'),
      column('state', 'no type'),
      column('total', 'INT', { defaultValue: '5' }),
      column('twice', 'no type', { isGenerated: true }),
    ]);
    expect([table.namesTaken, table.notes]).toEqual([['ORDERS'], []]);
  });

  it('names what hangs on it, and nothing that only has a name that begins or ends alike', () => {
    const table = described([
      'CREATE TABLE orders (id TEXT PRIMARY KEY, shop TEXT REFERENCES shops)',
      'CREATE TABLE shops (id TEXT PRIMARY KEY)',
      'CREATE TABLE lines (order_id TEXT REFERENCES Orders)',
      'CREATE TABLE orders_old (id TEXT)',
      'CREATE TABLE event_journal (id TEXT)',
      'CREATE VIEW open AS SELECT id FROM "ORDERS"',
      'CREATE VIEW others AS SELECT id FROM orders_old',
      'CREATE TRIGGER own AFTER UPDATE ON orders BEGIN SELECT 1; END',
      'CREATE TRIGGER foreign_one AFTER UPDATE ON lines BEGIN DELETE FROM orders; END',
      'CREATE TRIGGER unrelated AFTER UPDATE ON lines BEGIN DELETE FROM orders_old; END',
      "CREATE TRIGGER event_journal_refuses_update BEFORE UPDATE ON event_journal BEGIN SELECT RAISE(ABORT, 'orders'); END",
    ]);
    expect(new Set(table.attachments)).toEqual(
      new Set([
        { kind: 'foreign key of it', name: 'to shops' },
        { kind: 'foreign key to it', name: 'of lines' },
        { kind: 'view', name: 'open' },
        { kind: 'trigger', name: 'own' },
        { kind: 'trigger of another table', name: 'foreign_one of lines' },
      ]),
    );
  });
});
