import type { PoolConnection } from 'mysql2/promise';
import { expect, it } from 'vitest';
import { checkTables } from '../../../src/adapters/mysql/grants.ts';
import { grantStatements } from '../../../src/adapters/mysql/index.ts';
import type { Remedies } from '../../../src/adapters/mysql/refusals.ts';
import { orders } from '../../../src/orders/index.ts';

it('rights are granted on the tables by their names in the database', () => {
  const naming = { tablePrefix: 'eu_', viewTable: 'sales `orders`' };
  const grants = grantStatements('shop', orders.view, "'sync'@'%'", naming);
  expect(grants).toContain("GRANT SELECT, INSERT ON `shop`.`eu_journal_segments` TO 'sync'@'%';");
  expect(grants).toContain(
    "GRANT SELECT, INSERT, UPDATE, DELETE ON `shop`.`sales ``orders``` TO 'sync'@'%';",
  );
  const plain = grantStatements('shop', orders.view, "'sync'@'%'");
  expect(plain).toHaveLength(grants.length);
  expect(plain.join()).not.toContain('eu_');
});

it('every right that the user lacks is named, one alone too', async () => {
  const asked: string[] = [];
  const connection = {
    async query(sql: string) {
      asked.push(sql);
      if (/^EXPLAIN (?:INSERT INTO `orders`|DELETE FROM `jobs`|UPDATE `jobs`)/.test(sql))
        throw Object.assign(new Error('denied'), { errno: 1142 });
      return [[], []];
    },
  };
  const rights = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;
  const tables = ['jobs', 'orders'].map((table) => ({ table, rights, column: 'id' }));
  const remedies = { user: 'sync' } as Remedies;
  await expect(
    checkTables(connection as unknown as PoolConnection, remedies, 'shop', tables, 'order-sync'),
  ).rejects.toMatchObject({
    code: 'store_refused',
    message: expect.stringContaining('"shop": UPDATE, DELETE on jobs; INSERT on orders. Grant them'),
  });
  expect(asked).toHaveLength(8);
});
