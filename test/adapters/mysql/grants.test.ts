import { expect, it } from 'vitest';
import { grantStatements } from '../../../src/adapters/mysql/index.ts';
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
