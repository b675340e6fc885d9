import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { services } from '../../services/context.ts';
import { casesFor, type DatabaseKind } from './cases.ts';
import { serverPlace } from './place.ts';
import { tryTable } from './trial.ts';

/** What people reported, and one table of each ORM; all of them are tried by `npm run check:adoption`. */
const NAMES = [
  "flag VARCHAR(5) 'TRUE'/'FALSE'",
  "flag ENUM('N','Y') NOT NULL 'Y'/'N'",
  "flag BIT(1) b'1'/b'0'",
  "flag CHAR(1) of 'N' 'T' 'F'",
  'a customer and a total beside the five',
  'a trigger',
  'a foreign key to it',
  'a view that reads it',
  'doubled ids',
  'ids that are NULL and empty',
  'an unrelated table',
  'an id of latin1',
  'key order_id BIGINT AUTO_INCREMENT PRIMARY KEY',
  'statuses in another case, and empty ones',
  'Knex, enums',
  'EclipseLink',
  'Hibernate, SoftDelete and Version',
  'TypeORM, dates, DeleteDate and Version',
  'Sequelize as it is by default',
  'Drizzle',
  'MikroORM',
  'a table deliveries of another program',
  'all of it at once',
];

describe.skipIf(services().lacks('mysql'))('with MySQL', () => {
  describeTables('mysql');
});

describe.skipIf(services().lacks('mariadb'))('with MariaDB', () => {
  describeTables('mariadb');
});

function describeTables(database: Exclude<DatabaseKind, 'sqlite'>): void {
  describe('a table orders', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-adoption-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it.each(NAMES)('a table is taken over wholly or refused untouched: %s', async (name) => {
      const table = casesFor(database).find((one) => one.name === name);
      if (table === undefined) throw new Error(`There is no table ${name}.`);
      const { faults, taken, refused } = await tryTable(
        table,
        await serverPlace(services()[database].url),
        folder,
      );
      expect(faults).toEqual([]);
      expect(taken + refused).toBeGreaterThan(0);
    });
  });
}
