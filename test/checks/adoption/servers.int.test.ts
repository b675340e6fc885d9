import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { services } from '../../services/context.ts';
import { casesFor } from './cases.ts';
import { serverPlace } from './place.ts';
import type { DatabaseKind } from './table-case.ts';
import { tryTable } from './trial.ts';

/** Tables that people reported, and one of each ORM. `npm run check:adoption` tries all tables. */
const NAMES = [
  "flag VARCHAR(5) 'TRUE'/'FALSE'",
  "flag ENUM('N','Y') NOT NULL 'Y'/'N'",
  "flag BIT(1) b'1'/b'0'",
  "flag CHAR(1) of 'N' 'T' 'F'",
  'two more columns that must not be NULL',
  'a trigger',
  'a foreign key of another table',
  'a view of the table',
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
  'several faults and dependents at once',
];

describe.skipIf(services().lacks('mysql'))('with MySQL', () => {
  describeTables('mysql');
});

describe.skipIf(services().lacks('mariadb'))('with MariaDB', () => {
  describeTables('mariadb');
});

function describeTables(database: Exclude<DatabaseKind, 'sqlite'>): void {
  describe('order-sync adopt', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-adoption-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it.each(NAMES)('takes over the table completely, or refuses it unchanged: %s', async (name) => {
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
