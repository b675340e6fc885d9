import mysql, { type RowDataPacket } from 'mysql2/promise';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { documentedUsers } from '../helpers/documented-users.ts';
import { createDatabase, services } from '../services/context.ts';
import { freePort } from '../services/index.ts';
import { orderAt, Program, runProgram, type Settings, testFolder, WAITING } from './programs.ts';

describe.skipIf(services().lacks('mysql'))('two users on MySQL', () =>
  describeUsers(() => services().mysql.url),
);
describe.skipIf(services().lacks('mariadb'))('two users on MariaDB', () =>
  describeUsers(() => services().mariadb.url),
);

/** Declares the test, which starts about twenty programs one after the other. */
function describeUsers(serverUrl: () => string): void {
  it('run all programs with the documented grants, and only the owner can change the schema', async () => {
    const database = await createDatabase(serverUrl());
    const root = await mysql.createConnection({ uri: database.url, multipleStatements: true });
    const suffix = database.name.slice(-6);
    const { syncUsers, syncGrants, mgtUsers, mgtGrants, dropAll, urlFor } = await documentedUsers(
      database.url,
      suffix,
    );
    onTestFinished(async () => {
      await root.query(dropAll);
      await root.end();
      await database.drop();
    });

    const folder = await testFolder();
    const ports = { sync: await freePort(), mgt: await freePort() };
    const common = { TRIBUTARY_DATA_DIR: folder, ORDER_SYNC_RECONCILE_EVERY_MS: '0' };
    const owner: Settings = {
      ...common,
      DATABASE_URL: urlFor('sync_owner'),
      ORDER_MGT_DATABASE_URL: urlFor('mgt_owner'),
    };
    const running: Settings = {
      ...common,
      DATABASE_URL: urlFor('sync'),
      ORDER_MGT_DATABASE_URL: urlFor('mgt'),
      ORDER_SYNC_PORT: String(ports.sync),
      ORDER_MGT_PORT: String(ports.mgt),
      ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${ports.mgt}/api/orders`,
    };
    const ends = async (app: 'order-sync' | 'order-mgt', settings: Settings) => {
      const program = new Program(app, settings);
      return { ...(await program.exited), stderr: program.stderr };
    };

    await root.query(syncUsers);
    await root.query(mgtUsers);
    // There are no tables yet. A user without rights on the database gets an error that names the page with the grants.
    expect(await ends('order-sync', running)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('docs/operations.md has the grants'),
    });

    const migrated = JSON.parse(
      await runProgram('order-sync', owner, ['migrate', '--json', '--grants-for', `'sync_${suffix}'@'%'`]),
    ) as { grants: string[] };
    await runProgram('order-mgt', owner, ['migrate']);
    const printed = migrated.grants.map((line) => line.replaceAll('`', ''));
    expect(printed).toEqual(syncGrants.trim().split('\n'));
    const mgtPrinted = await runProgram('order-mgt', owner, ['migrate', '--grants-for', `mgt_${suffix}`]);
    expect(mgtPrinted.replaceAll('`', '').trim()).toBe(mgtGrants.trim());

    // One grant is missing. The program names it and ends.
    const short = syncGrants.replace('SELECT, INSERT, UPDATE ON', 'SELECT, INSERT ON');
    await root.query(short);
    expect(await ends('order-sync', running)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('UPDATE on checkpoints'),
    });
    await root.query(syncGrants);
    await root.query(mgtGrants);

    const mgt = await new Program('order-mgt', running).ready(ports.mgt);
    let sync = await new Program('order-sync', running).ready(ports.sync);
    await runProgram('event-producer', running, [
      'o',
      'order1',
      'pa',
      'order1',
      'o',
      'order2',
      'pa',
      'order2',
    ]);
    await vi.waitFor(async () => {
      expect(await orderAt(ports.mgt, 'order2')).not.toBeNull();
      expect(await orderAt(ports.mgt, 'order1')).not.toBeNull();
    }, WAITING);
    // The user of the running program can change neither the schema nor the journal.
    const user = await mysql.createConnection({ uri: running.DATABASE_URL as string });
    onTestFinished(() => user.end());
    for (const denied of [
      'UPDATE journal_segments SET event_count = 0',
      'DELETE FROM journal_segments',
      'DROP TABLE checkpoints',
      'CREATE TABLE more (id INT PRIMARY KEY)',
    ])
      await expect(user.query(denied), denied).rejects.toThrow(/denied/);

    await Promise.all(
      [['partitions'], ['parked'], ['dead-letters'], ['redrive', '--target', 'order-mgt'], ['reconcile']].map(
        (given) => runProgram('order-sync', running, given),
      ),
    );
    // `resume` comes last, because the owner of the partition notices it only at its next commit.
    const resume = ['resume', 'order_events/0', '--at', 'earliest', '--reason', 'test'];
    await runProgram('order-sync', running, resume);

    // The table of the view is missing. The program names the command that creates it, and works again afterwards.
    const [[view]] = await root.query<RowDataPacket[]>('SELECT COUNT(*) AS orders FROM orders');
    await root.query('DROP TABLE orders');
    await runProgram('event-producer', running, ['o', 'order3', 'pa', 'order3']);
    await vi.waitFor(async () => {
      expect(sync.stderr).toContain('run \\"order-sync migrate\\"');
      expect((await fetch(`http://127.0.0.1:${ports.sync}/readyz`)).status).toBe(503);
    }, WAITING);
    await sync.stop();
    expect(sync.stderr.match(/is missing, and the user/g)?.length).toBe(1);
    expect(await ends('order-sync', running)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('run "order-sync migrate"'),
    });
    await runProgram('order-sync', owner, ['migrate']);
    await root.query(syncGrants);
    sync = await new Program('order-sync', running).ready(ports.sync);
    await vi.waitFor(async () => {
      const [[now]] = await root.query<RowDataPacket[]>('SELECT COUNT(*) AS orders FROM orders');
      expect(Number(now?.orders)).toBe(Number(view?.orders) + 1);
    }, WAITING);
    await vi.waitFor(async () => expect(await orderAt(ports.mgt, 'order3')).not.toBeNull(), WAITING);
    expect(sync.stderr).not.toContain('Nothing keeps this user');

    // The schema has an older version than the program needs.
    await sync.stop();
    await root.query(
      'DELETE FROM schema_migrations WHERE version = (SELECT * FROM (SELECT MAX(version) FROM schema_migrations) newest)',
    );
    expect(await ends('order-sync', running)).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/has version \d+, and this program needs \d+.*order-sync migrate/),
    });
    await runProgram('order-sync', owner, ['migrate']);
    sync = await new Program('order-sync', running).ready(ports.sync);
    expect(await sync.stop()).toBe(143);
    expect(await mgt.stop()).toBe(143);
  }, 400_000);
}
