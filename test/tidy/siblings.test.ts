import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Difference, exportsOf, filesWithoutTwin, type Sibling, siblingExports } from './siblings.ts';
import { readTree, treeOf } from './tree.ts';

const logs: readonly Sibling[] = [
  { adapter: 'kafka', word: 'Kafka' },
  { adapter: 'embedded-log', word: 'Embedded' },
];
const logDifferences: readonly Difference[] = [
  {
    file: 'index.ts',
    names: { kafka: ['KafkaLogin', 'tokenFromEndpoint', 'tokenFromFile'] },
    reason: 'Brokers may require a login. The embedded log is a file, and has none.',
  },
  {
    file: 'index.ts',
    names: { 'embedded-log': ['EmbeddedLog'] },
    reason: 'The embedded log has methods for what an operator does to Kafka by its own tools.',
  },
  {
    file: 'event-log.ts',
    names: { 'embedded-log': ['EmbeddedLog'] },
    reason: 'The same interface.',
  },
];

const stores: readonly Sibling[] = [
  { adapter: 'mysql', word: 'Mysql' },
  { adapter: 'sqlite', word: 'Sqlite' },
];
const storeDifferences: readonly Difference[] = [
  {
    file: 'index.ts',
    names: {
      mysql: ['ConnectionPool', 'PREPARED_MAX', 'inTransaction', 'withConnection'],
      sqlite: ['PORTION', 'WalSync', 'WhoHolds', 'WriteLock', 'hasWal', 'portions'],
    },
    reason:
      'A program uses a server through a pool of connections, and a file through one that it shares by a lock.',
  },
  {
    file: 'index.ts',
    names: {
      mysql: [
        'ServerAddress',
        'ServerTls',
        'TableRights',
        'checkServer',
        'checkTables',
        'databaseName',
        'grantStatements',
        'grantsOn',
        'isRightMissing',
        'withMigrationLock',
      ],
    },
    reason: 'A server has an address, settings, users, several databases, and locks by name.',
  },
  {
    file: 'index.ts',
    names: { mysql: ['RowsStatement', 'chunksOf', 'marks', 'textOf'] },
    reason:
      'One statement writes or reads many rows, since each is a round trip. node:sqlite has all that SQLite needs.',
  },
  {
    file: 'catalog.ts',
    names: { mysql: ['databaseName'], sqlite: ['CatalogColumn', 'columnsOf'] },
    reason: 'The catalog of a server has many databases. SQLite lists the columns of a table by a pragma.',
  },
  {
    file: 'delivery-filter.ts',
    names: { mysql: ['DONE_AT_MS'] },
    reason: 'MySQL rewrites a row in place only if the column always has a value. In SQLite it is null.',
  },
  {
    file: 'errors.ts',
    names: {
      mysql: ['DeadlineError', 'isConnectionError', 'redacted', 'safeMessage'],
      sqlite: ['isBusy', 'isInputOutputFailure'],
    },
    reason:
      'A network breaks, and errors of a server quote its statements. A file is locked, and its disk fails.',
  },
  {
    file: 'journal-index.ts',
    names: {
      mysql: ['EXTENT_HASH', 'NOT_WHOLE', 'NO_BYTES', 'idHash', 'putRows', 'rowsOfSegment'],
      sqlite: ['INSERT_INDEXED', 'IndexEntry', 'entryOf', 'readKnown'],
    },
    reason: 'MySQL indexes places in segments by hashes of the ids, and SQLite indexes events by the ids.',
  },
  {
    file: 'migrations.ts',
    names: { mysql: ['MigrationsOptions'], sqlite: ['Migration'] },
    reason:
      'MySQL runs and records each migration by itself. SQLite gives them to a caller who has a transaction.',
  },
  {
    file: 'store-time.ts',
    names: { mysql: ['ServerTime'], sqlite: ['MachineTime'] },
    reason:
      "Leases go by the server's clock, or by the clock of the machine that all processes of a file share.",
  },
  {
    file: 'values.ts',
    names: { sqlite: ['SqliteRow', 'bigintOf', 'bytesOf', 'nullOr', 'numberOf'] },
    reason: 'A column of SQLite holds values of any type, so each value is checked when it is read.',
  },
];

const tree = readTree(join(import.meta.dirname, '..', '..'));

describe('the adapters of the store', () => {
  it('the stores export the same names from files of the same name', () => {
    expect(siblingExports(tree, stores, storeDifferences)).toEqual([]);
  });

  it('each store says why a file of it has no twin', () => {
    expect(filesWithoutTwin(tree, stores)).toEqual([]);
  });
});

describe('the adapters of the event log', () => {
  it('the logs export the same names from files of the same name', () => {
    expect(siblingExports(tree, logs, logDifferences)).toEqual([]);
  });

  it('each log says why a file of it has no twin', () => {
    expect(filesWithoutTwin(tree, logs)).toEqual([]);
  });
});

describe('the check of siblings', () => {
  const same = {
    'src/adapters/kafka/index.ts': "export { openKafkaLog } from './event-log.ts';\n",
    'src/adapters/embedded-log/index.ts': "export { openEmbeddedLog } from './event-log.ts';\n",
    'src/adapters/kafka/event-log.ts': 'export function openKafkaLog() {}\nexport const KAFKA_LIMIT = 1;\n',
    'src/adapters/embedded-log/event-log.ts':
      'export function openEmbeddedLog() {}\nexport const EMBEDDED_LIMIT = 1;\n',
  };
  const withLine = (path: keyof typeof same, line: string) =>
    treeOf({ ...same, [path]: `${same[path]}${line}\n` });

  it('exports that differ in the word of the adapter alone are equal', () => {
    expect(siblingExports(treeOf(same), logs, [])).toEqual([]);
  });

  it('an export without an equal is named, with both files', () => {
    const tree = withLine('src/adapters/kafka/event-log.ts', 'export class Topics {}');
    expect(siblingExports(tree, logs, [])).toEqual([
      expect.stringMatching(
        /kafka\/event-log\.ts exports Topics, and src\/adapters\/embedded-log\/event-log\.ts does not/,
      ),
    ]);
  });

  it('an export under two names is named twice', () => {
    const tree = treeOf({
      'src/adapters/kafka/options.ts': 'export function settingsOf() {}\n',
      'src/adapters/embedded-log/options.ts': 'export function resolveOptions() {}\n',
    });
    expect(siblingExports(tree, logs, [])).toHaveLength(2);
    const names = { kafka: ['settingsOf'], 'embedded-log': ['resolveOptions'] };
    expect(siblingExports(tree, logs, [{ file: 'options.ts', names, reason: 'None.' }])).toEqual([]);
  });

  it('a difference of another file or another adapter excuses nothing', () => {
    const tree = withLine('src/adapters/kafka/event-log.ts', 'export class Topics {}');
    const differences = [
      { file: 'index.ts', names: { kafka: ['Topics'] }, reason: 'Another file.' },
      { file: 'event-log.ts', names: { 'embedded-log': ['Topics'] }, reason: 'Another adapter.' },
    ];
    // One breach, and two differences that do not exist.
    expect(siblingExports(tree, logs, differences)).toHaveLength(3);
  });

  it('a difference that does not exist, or has no reason, is named', () => {
    const names = { kafka: ['openKafkaLog'] };
    expect(siblingExports(treeOf(same), logs, [{ file: 'index.ts', names, reason: 'Once.' }])).toEqual([
      expect.stringContaining('is listed to differ in openKafkaLog, and does not'),
    ]);
    expect(siblingExports(treeOf(same), logs, [{ file: 'index.ts', names: {}, reason: ' ' }])).toEqual([
      expect.stringContaining('has no reason'),
    ]);
  });

  it('files that only one of three siblings lacks are compared among the others', () => {
    const three = [...logs, { adapter: 'third', word: 'Third' }];
    expect(siblingExports(treeOf(same), three, [])).toEqual([]);
    const tree = treeOf({ ...same, 'src/adapters/third/index.ts': 'export function openThirdLogs() {}\n' });
    expect(siblingExports(tree, three, [])).toHaveLength(3);
  });

  it('every form of an export is found', () => {
    const source = [
      'export interface Named {}',
      'export type Alias = string;',
      'export abstract class Base {}',
      'export async function* steps() {}',
      'export const LIMIT = 1;',
      "export { inner as outer, type Shape } from './a.ts';",
      "export type {\n  First,\n  Second,\n} from './b.ts';",
      "export * from './c.ts';",
      'export default Base;',
      '/** export const COMMENT = 1; */',
      'const hidden = 1;',
    ].join('\n');
    expect(exportsOf(source)).toEqual(
      [
        'Named',
        'Alias',
        'Base',
        'steps',
        'LIMIT',
        'outer',
        'Shape',
        'First',
        'Second',
        '*',
        'default',
      ].sort(),
    );
  });

  it('a file without a twin has to be named by index.ts, by itself or with its folder', () => {
    const withFiles = (comment: string) =>
      treeOf({
        ...same,
        'src/adapters/kafka/index.ts': `${comment}${same['src/adapters/kafka/index.ts']}`,
        'src/adapters/kafka/errors.ts': 'export const code = 1;\n',
        'src/adapters/kafka/wire/fetch.ts': 'export const fetch = 1;\n',
      });
    expect(filesWithoutTwin(withFiles(''), logs)).toHaveLength(2);
    expect(filesWithoutTwin(withFiles('/** `errors.ts`: because. */\n'), logs)).toEqual([
      expect.stringContaining('src/adapters/kafka/wire/fetch.ts has no twin'),
    ]);
    expect(filesWithoutTwin(withFiles('/** `errors.ts` and `wire/`: because. */\n'), logs)).toEqual([]);
    expect(filesWithoutTwin(withFiles('/** `errors.ts`, `wire/`, `gone/`: because. */\n'), logs)).toEqual([
      expect.stringContaining('names gone/ as a file of its own, and has none'),
    ]);
  });
});
