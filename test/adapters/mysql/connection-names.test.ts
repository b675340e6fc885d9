import { expect, it } from 'vitest';
import { namesOf, nameTables } from '../../../src/adapters/mysql/connection-names.ts';
import { lockName } from '../../../src/adapters/mysql/migration-lock.ts';
import { tableNames } from '../../../src/adapters/mysql/table-names.ts';

/** A connection of the driver that remembers what it was asked to send. */
function connectionWith(prefix: string) {
  const sent: unknown[][] = [];
  const send = (...given: unknown[]) => sent.push(given);
  const core = { query: send, execute: send, prepare: send };
  nameTables(core, tableNames(prefix));
  return { core, sent, connection: { connection: core } as never };
}

it('every way to send a text puts the prefix in front of the tables, and leaves the rest of the call alone', () => {
  const { core, sent, connection } = connectionWith('eu_');
  const done = () => {};
  core.query('SELECT * FROM jobs', done);
  core.execute('SELECT * FROM jobs WHERE a = ?', ['jobs'], done);
  core.prepare('INSERT INTO jobs', done);
  core.query({ sql: 'x' }, done);
  expect(sent).toEqual([
    ['SELECT * FROM eu_jobs', done],
    ['SELECT * FROM eu_jobs WHERE a = ?', ['jobs'], done],
    ['INSERT INTO eu_jobs', done],
    [{ sql: 'x' }, done],
  ]);
  expect(namesOf(connection).of('jobs')).toBe('eu_jobs');
});

it('a connection without a prefix keeps the methods of the driver', () => {
  const { core, connection } = connectionWith('');
  expect(core.query).toBe(core.execute);
  expect(namesOf(connection).of('jobs')).toBe('jobs');
});

it('two pipelines in one database have different locks, also in a database with a long name', () => {
  const database = 'd'.repeat(64);
  const locks = ['', 'eu_', 'us_'].map((prefix) =>
    lockName(connectionWith(prefix).connection, 'tributary view:', database),
  );
  expect(new Set(locks).size).toBe(3);
  expect(locks[0]).toBe(`tributary view:${database}`.slice(0, 64));
  for (const lock of locks) expect(lock.length).toBeLessThanOrEqual(64);
});
