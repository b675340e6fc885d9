import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loudLine } from './addresses.ts';
import { findProgram } from './commands.ts';
import { kcat } from './context.ts';
import { createDatabase } from './databases.ts';
import { unpackedDebianPackages } from './debian.ts';
import { readEnvironment } from './environment.ts';
import { findJava } from './java.ts';
import { startServices, type WantedServices } from './start.ts';

const environment = readEnvironment({
  ...process.env,
  TEST_SYSTEM_PROGRAMS: 'never',
  TEST_DOCKER: 'never',
  TEST_KAFKA_BROKERS: '',
  TEST_MARIADB_URL: '',
});
// Packages of distributions without apt-get are not unpacked, so these tests are skipped there.
const isLikeDebian = findProgram('apt-get', environment.path) !== undefined;

describe.skipIf(!isLikeDebian)('a machine without Java, MariaDB and kcat', { timeout: 600_000 }, () => {
  async function start(wanted: WantedServices, skip: (note: string) => never) {
    const started = await startServices(wanted, { environment });
    onTestFinished(() => started.stop());
    const [missing] = started.addresses.missing;
    return missing === undefined ? started : skip(loudLine(missing));
  }

  test('gets a private MariaDB with its messages, character sets and system tables', async ({ skip }) => {
    const { mariadb } = await start({ mariadb: true }, skip);
    expect(mariadb.description).toMatch(/^MariaDB [\d.]+ \(private\)$/);
    const database = await createDatabase(mariadb.url);
    const connection = await createConnection(database.url);
    onTestFinished(() => connection.end());
    const select = async (sql: string) =>
      Object.values((await connection.query<RowDataPacket[]>(sql))[0][0] ?? {});
    expect(await select('SELECT @@basedir')).toEqual([expect.stringContaining(environment.cacheFolder)]);
    expect(await select("SELECT COUNT(*) > 0 FROM mysql.proc WHERE db = 'sys'")).toEqual([1]);
    expect(await select("SELECT CONVERT(_latin2 X'A1' USING utf8mb4)")).toEqual(['Ą']);
    await expect(connection.query('SELECT nothing')).rejects.toThrow(/Unknown column 'nothing'/);
  });

  test('gets a private Java that runs Kafka, and a private kcat', async ({ skip }) => {
    const java = await findJava(environment, () => {}).catch((error: Error) => error);
    const { kafka, kcat: program } = await start({ kafka: true, kcat: true }, skip);
    expect(java).toMatchObject({ path: expect.stringContaining(environment.cacheFolder) });
    expect(program.origin).toBe('private');
    const { stdout } = await kcat(program, kafka, ['-L', '-J']);
    expect(JSON.parse(stdout).brokers).toHaveLength(1);
  });

  test('gets a remedy and no folder if the distribution lacks the package', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'tributary-copies-test-'));
    onTestFinished(() => rmSync(cache, { recursive: true }));
    const software = { name: 'Thing', packages: [['tributary-thing']], remedy: 'build a thing' };
    const unpacking = unpackedDebianPackages(software, { ...environment, cacheFolder: cache }, () => {});
    await expect(unpacking).rejects.toMatchObject({
      message: expect.stringMatching(
        /^there is no Thing on this machine, and the distribution's package could/,
      ),
      remedy: 'build a thing',
    });
    expect(readdirSync(join(cache, 'debian'))).toEqual([]);
  });
});
