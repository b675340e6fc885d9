import { describe, expect, it } from 'vitest';
import { Migrations, type MigrationsOptions } from '../../../src/adapters/mysql/migrations.ts';
import { Migrations as FileMigrations } from '../../../src/adapters/sqlite/index.ts';
import { migrationsFolder } from '../migrations-folder.ts';
import { type Reply, scriptedConnection, serverError } from './scripted-connection.ts';

/** The error of a proxy, which has no number of its own. */
const unsupported = () =>
  Object.assign(new Error('Runtime exception: [Can not support this]'), { errno: 1_997 });

const migrationsOf = (more: Partial<MigrationsOptions> = {}) =>
  new Migrations({
    program: 'order-sync',
    folder: migrationsFolder(),
    table: 'schema_migrations',
    columns: 'version INT',
    hasNames: true,
    ...more,
  });

/** A database that has this version, and fails the statements that match. */
function databaseAt(version: number | null, fails: (sql: string) => Error | null = () => null) {
  return scriptedConnection((sql): Reply => fails(sql) ?? (sql.includes('MAX(version)') ? [[version]] : []));
}

async function statementsFrom(version: number, fails?: (sql: string) => Error | null): Promise<string[]> {
  const { connection, asked } = databaseAt(version, fails);
  expect(await migrationsOf().run(connection)).toEqual({
    fromVersion: version,
    toVersion: 3,
    viewsRefused: [],
  });
  return asked
    .filter(
      ({ sql }) => !sql.includes('MAX(version)') && !sql.startsWith('CREATE TABLE IF NOT EXISTS schema'),
    )
    .map(({ sql, values }) => (values.length === 0 ? sql : `${sql.slice(0, 6)} ${values.join(' ')}`));
}

describe('the migrations of a database on a server', () => {
  it('runs each statement that is missing, and records each file behind its statements', async () => {
    expect(await statementsFrom(0)).toEqual([
      'CREATE TABLE IF NOT EXISTS jobs (id INT)',
      'CREATE TABLE IF NOT EXISTS old (id INT)',
      'INSERT 1 0001-first.sql',
      'ALTER TABLE jobs ADD COLUMN state INT',
      'ALTER TABLE jobs ADD INDEX by_state (state)',
      'INSERT 2 0002-second.sql',
      'DROP TABLE IF EXISTS old',
      'ALTER TABLE jobs DROP INDEX by_state',
      'CREATE OR REPLACE VIEW latest AS SELECT 1',
      'INSERT 3 0003-third.sql',
    ]);
    expect(await statementsFrom(2)).toHaveLength(4);
    expect(await statementsFrom(3)).toEqual([]);
  });

  it.each([
    [1_060, 'ADD COLUMN'],
    [1_061, 'ADD INDEX'],
    [1_091, 'DROP INDEX'],
  ])('passes over error %i of a statement %s, which an earlier start has done', async (errno, words) => {
    const fails = (sql: string) => (sql.includes(words) ? serverError(errno) : null);
    expect(await statementsFrom(1, fails)).toContain('INSERT 3 0003-third.sql');
    for (const other of [1_060, 1_061, 1_091, 1_142].filter((each) => each !== errno)) {
      const { connection, asked } = databaseAt(1, (sql) => (sql.includes(words) ? serverError(other) : null));
      await expect(migrationsOf().run(connection)).rejects.toThrow(`error ${other}`);
      expect(asked.filter(({ values }) => values[0] === 3)).toEqual([]);
    }
  });

  it('goes on without a view that a layer over several servers refuses, and names it', async () => {
    const { connection, asked } = databaseAt(2, (sql) => (sql.includes('VIEW') ? unsupported() : null));
    expect(await migrationsOf().run(connection)).toMatchObject({ viewsRefused: ['latest'] });
    expect(asked.at(-1)?.values).toEqual([3, '0003-third.sql']);
    const denied = databaseAt(2, (sql) => (sql.includes('VIEW') ? serverError(1_142) : null));
    await expect(migrationsOf().run(denied.connection)).rejects.toThrow('error 1142');
  });

  it.each([0, 1])('passes over a refused move of rows only where there are none: %i rows', async (rows) => {
    const folder = migrationsFolder({ '0001-move.sql': 'INSERT INTO jobs (id) SELECT id FROM old;\n' });
    const { connection } = scriptedConnection((sql): Reply => {
      if (sql.startsWith('INSERT INTO jobs')) return unsupported();
      if (sql.includes('MAX(version)')) return [[0]];
      return sql.includes('FROM old') ? new Array<[number]>(rows).fill([1]) : [];
    });
    const run = migrationsOf({ folder }).run(connection);
    if (rows === 0) await expect(run).resolves.toMatchObject({ toVersion: 1 });
    else await expect(run).rejects.toThrow('Can not support this');
  });

  it('refuses the schema of a later program, and takes its own', async () => {
    const migrations = migrationsOf();
    expect(migrations.newestVersion).toBe(3);
    expect(await migrations.recordedVersion(databaseAt(3).connection)).toBe(3);
    for (const call of ['run', 'recordedVersion'] as const)
      await expect(migrations[call](databaseAt(4).connection)).rejects.toMatchObject({
        code: 'schema_too_new',
      });
  });

  it('finds no version where there is no table, no row, or no right to look', async () => {
    const migrations = migrationsOf();
    expect(await migrations.recordedVersion(databaseAt(null).connection)).toBeNull();
    for (const errno of [1_146, 1_142])
      expect(await migrations.recordedVersion(databaseAt(1, () => serverError(errno)).connection)).toBeNull();
    await expect(
      migrations.recordedVersion(databaseAt(1, () => serverError(1_205)).connection),
    ).rejects.toThrow('error 1205');
  });

  it('records only versions in a table without names', async () => {
    const { connection, asked } = databaseAt(2);
    await migrationsOf({ hasNames: false }).run(connection);
    expect(asked.at(-1)?.values).toEqual([3]);
  });

  it('names the command that an administrator has to run', () => {
    const error = migrationsOf({ program: 'order-mgt' }).needed(
      'Tables are missing',
      { user: 'u' } as never,
      null,
    );
    expect(error).toMatchObject({ code: 'store_refused' });
    expect(error.message).toContain('the user "u" may not change the schema: run "order-mgt migrate" once');
  });
});

describe.each([
  ['on a server', () => migrationsOf()],
  ['in a file', () => new FileMigrations(migrationsFolder())],
])('the tables of a database %s', (_, make) => {
  it('lists those that each version has, and those of any version', () => {
    const tables = make();
    expect(tables.tablesMade(0)).toEqual([]);
    expect(tables.tablesMade(1)).toEqual(['jobs', 'old']);
    expect(tables.tablesMade(2)).toEqual(['jobs', 'old']);
    expect(tables.tablesMade(3).filter((name) => name !== 'latest')).toEqual(['jobs']);
    expect(tables.namesUsed().filter((name) => name !== 'latest')).toEqual(['jobs', 'old']);
    expect(tables.newestVersion).toBe(3);
  });
});
