import type { RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withConnection } from '../../../src/adapters/mysql/connection.ts';
import { ConnectionPool } from '../../../src/adapters/mysql/connection-pool.ts';
import { idPage } from '../../../src/adapters/mysql/id-page.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { createDatabase, type TestDatabase } from '../../services/context.ts';

/** The greatest length of an id is 255 bytes. These differ in the last one. */
const ALIKE = [...'qwertyuiop'].map((last) => `${'ä'.repeat(127)}${last}`);

/** Tests of the sequence of ids on a server, whatever its own settings are. */
export function describeIdPages(serverUrl: () => string): void {
  describe('a page of rows sorted by an id', () => {
    let database: TestDatabase;
    let pool: ConnectionPool;
    beforeAll(async () => {
      database = await createDatabase(serverUrl());
      pool = new ConnectionPool({
        ...mysqlServer(database.url),
        connections: 1,
        clock: systemClock,
        remedies: { setting: 'DATABASE_URL', setUp: '' },
        commitEvidence: 'the test',
      });
    });
    afterAll(() => pool?.close());

    // A server sorts by the first bytes of a key alone, and gives rows that are alike there in any sequence: mostly, by
    // chance, in the right one. If it is asked for the opposite sequence, chance cannot help.
    it.each([
      ['a text', 'VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'],
      ['bytes', 'VARBINARY(255)'],
    ])('the server tells apart ids that differ in their last byte, if they are %s', async (_, type) => {
      await withConnection(pool, async (connection) => {
        await connection.query(`CREATE TABLE ids (id ${type} PRIMARY KEY)`);
        await connection.query('INSERT INTO ids VALUES ?', [ALIKE.map((id) => [id])]);
        const sql = idPage({ columns: ['id'], rows: 'FROM ids', limit: 4 });
        const backwards = sql.replace(/ LIMIT \d+$/, ' DESC$&');
        const [rows] = await connection.execute<RowDataPacket[]>(backwards);
        expect(rows.map((row) => String(row[0]))).toEqual([...ALIKE].sort().slice(0, 4).reverse());
        await connection.query('DROP TABLE ids');
      });
    });
  });
}
