import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Difference, exportsOf, filesWithoutTwin, type Sibling, siblingExports } from './siblings.ts';
import { readTree, treeOf } from './tree.ts';

const logs: readonly Sibling[] = [
  { adapter: 'src/adapters/kafka', word: 'Kafka' },
  { adapter: 'src/adapters/embedded-log', word: 'Embedded' },
];
const logDifferences: readonly Difference[] = [
  {
    file: 'index.ts',
    names: { 'src/adapters/kafka': ['KafkaLogin', 'tokenFromEndpoint', 'tokenFromFile'] },
    reason: 'Brokers may require a login. The embedded log is a file, and has none.',
  },
  {
    file: 'index.ts',
    names: { 'src/adapters/embedded-log': ['EmbeddedLog'] },
    reason: 'The embedded log has methods for what an operator does to Kafka by its own tools.',
  },
  {
    file: 'event-log.ts',
    names: { 'src/adapters/embedded-log': ['EmbeddedLog'] },
    reason: 'The same interface.',
  },
];

const stores: readonly Sibling[] = [
  { adapter: 'src/adapters/mysql', word: 'Mysql' },
  { adapter: 'src/adapters/sqlite', word: 'Sqlite' },
];
const differ = (file: string, reason: string, mysql: string[], sqlite: string[]): Difference => ({
  file,
  reason,
  names: { 'src/adapters/mysql': mysql, 'src/adapters/sqlite': sqlite },
});
const storeDifferences: readonly Difference[] = [
  differ(
    'arrivals.ts',
    'The segments of a server have their versions as their key. SQLite reads versions of short entities by a scan.',
    [],
    ['INDEXED', 'edgeVersion', 'scanVersions'],
  ),
  differ(
    'catalog.ts',
    'A server has several databases. SQLite says what a column is in statements of its own.',
    ['databaseName'],
    ['CatalogColumn', 'columnsOf'],
  ),
  differ('delivery-filter.ts', 'Only the index of a server holds settled deliveries.', ['DONE_AT_MS'], []),
  differ(
    'errors.ts',
    'A server can be cut off and quotes values in its messages. A file can be locked, and its disk can fail.',
    ['DeadlineError', 'isConnectionError', 'redacted', 'safeMessage'],
    ['isBusy', 'isInputOutputFailure'],
  ),
  differ(
    'index.ts',
    "order-mgt keeps its states by the adapter's own connection and statements, which no port describes.",
    [
      'ConnectionPool',
      'PREPARED_MAX',
      'RowsStatement',
      'ServerAddress',
      'ServerTls',
      'TableRights',
      'checkServer',
      'checkTables',
      'chunksOf',
      'databaseName',
      'grantStatements',
      'grantsOn',
      'inTransaction',
      'isRightMissing',
      'marks',
      'textOf',
      'withConnection',
      'withMigrationLock',
    ],
    ['PORTION', 'WalSync', 'WhoHolds', 'WriteLock', 'hasWal', 'portions'],
  ),
  differ(
    'catalog.ts',
    'Several files ask a server what it shows of tables and columns. On SQLite each asks the schema by a pragma.',
    ['ShownColumn', 'TableStatus', 'showColumns', 'tableStatuses'],
    [],
  ),
  differ(
    'journal-index.ts',
    'On a server one statement writes the index of a whole segment. SQLite writes and reads it event by event.',
    ['EXTENT_HASH', 'NOT_WHOLE', 'NO_BYTES', 'idHash', 'keyHex', 'keyOfHex', 'putRows', 'rowsOfSegment'],
    ['INSERT_INDEXED', 'IndexEntry', 'entryOf', 'readKnown'],
  ),
  differ(
    'migrations.ts',
    'A server takes a named lock and runs the statements one by one. SQLite runs a file inside one transaction.',
    ['MigrationsOptions'],
    ['Migration'],
  ),
  differ(
    'store-time.ts',
    'Instances agree on the clock of their server, or on that of the machine that has the file.',
    ['ServerTime'],
    ['MachineTime'],
  ),
  differ(
    'values.ts',
    'The driver of MySQL gives texts and buffers alone. SQLite gives each value in a type of its own.',
    ['bytesOfBase64'],
    ['SqliteRow', 'bigintOf', 'nullOr', 'numberOf'],
  ),
];

const states: readonly Sibling[] = [
  { adapter: 'src/apps/order-mgt/states/mysql', word: 'Mysql' },
  { adapter: 'src/apps/order-mgt/states/sqlite', word: 'Sqlite' },
];

const targets: readonly Sibling[] = [
  { adapter: 'src/adapters/http-delivery', word: 'Http' },
  { adapter: 'src/adapters/topic-delivery', word: 'Topic' },
];
const HTTP = 'src/adapters/http-delivery';
const TOPIC = 'src/adapters/topic-delivery';
const targetDifferences: readonly Difference[] = [
  {
    file: 'index.ts',
    names: { [HTTP]: ['HttpHoldingsOptions', 'openHttpHoldings'] },
    reason: 'Only a target that answers requests can tell which states it holds.',
  },
  {
    file: 'index.ts',
    names: {
      [HTTP]: [
        'Answered',
        'Body',
        'CERTIFICATE_MEANINGS',
        'Reach',
        'TokenFault',
        'answerText',
        'answeredDelivery',
        'asksForCertificate',
        'bodyMaker',
        'codeOf',
        'describeFault',
        'CertificateFault',
        'firstOf',
        'isInvalidCertificate',
        'isOfProxy',
        'isUnknownAuthority',
        'locationIn',
        'proxyLogin',
        'reach',
        'retryAfterMs',
        'wantedScheme',
      ],
    },
    reason: 'check-target judges the answers of a target by the same rules.',
  },
  {
    file: 'index.ts',
    names: {
      [HTTP]: ['BodyOptions', 'CloudEventOptions', 'OAuthClient', 'ReachOptions', 'SettingNames'],
    },
    reason: 'A request is authorized by its headers. An append is authorized by the connection to the log.',
  },
  {
    file: 'options.ts',
    names: { [HTTP]: ['ReachOptions', 'SETTING_NAMES', 'SettingNames'] },
    reason: 'Messages about a URL, a secret or a certificate name the setting to correct.',
  },
  {
    file: 'verdict.ts',
    names: {
      [HTTP]: ['Judge', 'isAboutTheDeliveryBatch', 'judgeBy'],
      [TOPIC]: ['isTooLarge'],
    },
    reason: 'An HTTP answer has a status and headers. An append has an error.',
  },
];

interface Family {
  readonly name: string;
  readonly siblings: readonly Sibling[];
  readonly differences: readonly Difference[];
}

const FAMILIES: readonly Family[] = [
  { name: 'event log', siblings: logs, differences: logDifferences },
  { name: 'store', siblings: stores, differences: storeDifferences },
  { name: 'delivery target', siblings: targets, differences: targetDifferences },
  { name: "store of order-mgt's states", siblings: states, differences: [] },
];

describe('adapters of one port', () => {
  const tree = readTree(join(import.meta.dirname, '..', '..'));

  it.each(FAMILIES)(
    'the adapters of the $name export the same names from files of the same name',
    (family) => {
      expect(siblingExports(tree, family.siblings, family.differences)).toEqual([]);
    },
  );

  it.each(FAMILIES.filter(({ siblings }) => siblings !== states))(
    'each adapter of the $name says why a file of it has no twin',
    ({ siblings }) => {
      expect(filesWithoutTwin(tree, siblings)).toEqual([]);
    },
  );
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
    const names = { 'src/adapters/kafka': ['settingsOf'], 'src/adapters/embedded-log': ['resolveOptions'] };
    expect(siblingExports(tree, logs, [{ file: 'options.ts', names, reason: 'None.' }])).toEqual([]);
  });

  it('a difference of another file or another adapter excuses nothing', () => {
    const tree = withLine('src/adapters/kafka/event-log.ts', 'export class Topics {}');
    const differences = [
      { file: 'index.ts', names: { 'src/adapters/kafka': ['Topics'] }, reason: 'Another file.' },
      {
        file: 'event-log.ts',
        names: { 'src/adapters/embedded-log': ['Topics'] },
        reason: 'Another adapter.',
      },
    ];
    // One breach, and two differences that do not exist.
    expect(siblingExports(tree, logs, differences)).toHaveLength(3);
  });

  it('a difference that does not exist, or has no reason, is named', () => {
    const names = { 'src/adapters/kafka': ['openKafkaLog'] };
    expect(siblingExports(treeOf(same), logs, [{ file: 'index.ts', names, reason: 'Once.' }])).toEqual([
      expect.stringContaining('is listed to differ in openKafkaLog, and does not'),
    ]);
    expect(siblingExports(treeOf(same), logs, [{ file: 'index.ts', names: {}, reason: ' ' }])).toEqual([
      expect.stringContaining('has no reason'),
    ]);
  });

  it('files that only one of three siblings lacks are compared among the others', () => {
    const three = [...logs, { adapter: 'src/adapters/third', word: 'Third' }];
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
