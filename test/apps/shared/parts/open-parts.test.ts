import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type * as Embedded from '../../../../src/adapters/embedded-log/index.ts';
import type * as Kafka from '../../../../src/adapters/kafka/index.ts';
import type * as Mysql from '../../../../src/adapters/mysql/index.ts';
import type * as Sqlite from '../../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { openEventLog } from '../../../../src/apps/shared/parts/open-log.ts';
import { openStore } from '../../../../src/apps/shared/parts/open-store.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';

/** The options with which adapters were opened. */
const opened = vi.hoisted(() => [] as unknown[]);

vi.mock('../../../../src/adapters/embedded-log/index.ts', async (original) => ({
  ...(await original<typeof Embedded>()),
  openEmbeddedLog: (options: unknown) => opened.push(options),
}));
vi.mock('../../../../src/adapters/kafka/index.ts', async (original) => ({
  ...(await original<typeof Kafka>()),
  openKafkaLog: (options: unknown) => opened.push(options),
}));
vi.mock('../../../../src/adapters/mysql/index.ts', async (original) => ({
  ...(await original<typeof Mysql>()),
  openMysqlStore: (options: unknown) => opened.push(options),
}));

vi.mock('../../../../src/adapters/sqlite/index.ts', async (original) => ({
  ...(await original<typeof Sqlite>()),
  openSqliteStore: (options: unknown) => opened.push(options),
}));

const logger = () => {};

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tributary-parts-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Opens the log of these settings, and answers with the options that its adapter got. */
async function logOf(env: Readonly<Record<string, string>>) {
  const { values } = loadSettings('order-sync', { env });
  await openEventLog(values, systemClock, logger, { clientId: 'order-sync', sessionTimeoutMs: 7_000 });
  return opened.pop() as Record<string, unknown>;
}

it('openEventLog gives the embedded log its folder, and the session timeout of the program', async () => {
  const dataDir = await folder();
  expect(await logOf({ TRIBUTARY_DATA_DIR: dataDir })).toMatchObject({ dataDir, sessionTimeoutMs: 7_000 });
});

it('openEventLog gives Kafka its brokers, its client id, the session timeout and the login', async () => {
  const password = { KAFKA_SASL_USERNAME: 'alice', KAFKA_SASL_PASSWORD: 'secret' };
  const env = { KAFKA_BROKERS: 'a:1,b:2', KAFKA_TLS: 'true', KAFKA_SASL_MECHANISM: 'scram-sha-512' };
  expect(await logOf({ ...env, ...password })).toMatchObject({
    brokers: ['a:1', 'b:2'],
    clientId: 'order-sync',
    sessionTimeoutMs: 7_000,
    tls: {},
    login: { mechanism: 'SCRAM-SHA-512', username: 'alice', password: 'secret' },
  });
  expect(await logOf({ KAFKA_BROKERS: 'a:1' })).not.toHaveProperty('tls');
  const open = { ...password, KAFKA_BROKERS: 'a.example:1', KAFKA_SASL_MECHANISM: 'plain' };
  expect(await logOf({ ...open, KAFKA_ALLOW_LOGIN_WITHOUT_TLS: 'true' })).toMatchObject({
    login: { mechanism: 'PLAIN' },
    allowsOpenLogin: true,
  });
});

it('openEventLog gives Kafka extensions whose values have equals signs', async () => {
  const file = join(await folder(), 'token');
  await writeFile(file, 'a token', { mode: 0o600 });
  const { login } = await logOf({
    KAFKA_BROKERS: 'a:1',
    KAFKA_TLS: 'true',
    KAFKA_SASL_MECHANISM: 'oauthbearer',
    KAFKA_SASL_OAUTH_TOKEN_FILE: file,
    KAFKA_SASL_OAUTH_EXTENSIONS: 'logicalCluster=lkc-1,identity=YWJj==',
  });
  expect(login).toMatchObject({ extensions: { logicalCluster: 'lkc-1', identity: 'YWJj==' } });
});

it.each([1, 8])('openStore gives MySQL four connections besides those of %i lanes', async (lanes) => {
  const env = {
    DATABASE_URL: 'mysql://alice:secret@db.example:3307/shop',
    ORDER_SYNC_TABLE_PREFIX: 'eu_',
  };
  const { values } = loadSettings('order-sync', { env });
  await openStore(values, { clock: systemClock, logger, targets: ['shop'], lanes, maxRecordBytes: 1_000 });
  expect(opened.pop()).toMatchObject({
    connections: lanes + 4,
    targets: ['shop'],
    maxRecordBytes: 1_000,
    address: { host: 'db.example', port: 3307, user: 'alice', password: 'secret', database: 'shop' },
    naming: { tablePrefix: 'eu_' },
  });
});

it('openStore gives SQLite its file, its targets, and the names of the tables', async () => {
  const dataDir = await folder();
  const env = {
    TRIBUTARY_DATA_DIR: dataDir,
    ORDER_SYNC_TABLE: 'shop_orders',
    ORDER_SYNC_COLUMNS: 'order_id=id',
    ORDER_SYNC_TABLE_PREFIX: 'eu_',
  };
  const { values } = loadSettings('order-sync', { env });
  await openStore(values, { clock: systemClock, logger, targets: ['shop'], lanes: 1 });
  expect(opened.pop()).toMatchObject({
    file: join(dataDir, 'order-sync.sqlite'),
    targets: ['shop'],
    naming: { tablePrefix: 'eu_' },
  });
});
