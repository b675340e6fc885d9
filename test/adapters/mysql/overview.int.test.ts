import { describe, expect, it } from 'vitest';
import { OVERVIEW_STATEMENTS } from '../../../src/adapters/mysql/overview.ts';
import { change, commitChanges, DUE, usePlace } from '../../contract/store/fixtures.ts';
import { services } from '../../services/context.ts';
import { MysqlHarness } from './harness.ts';

describe.skipIf(services().lacks('mysql'))('the statements of the overview on MySQL', () => {
  describePlans(new MysqlHarness(() => services().mysql.url));
});

describe.skipIf(services().lacks('mariadb'))('the statements of the overview on MariaDB', () => {
  describePlans(new MysqlHarness(() => services().mariadb.url));
});

function describePlans(harness: MysqlHarness): void {
  const place = usePlace(harness);

  it('read no whole table', async () => {
    await commitChanges(place.store, ...['a', 'b', 'c'].map((id) => change(id, 0, { delivery: DUE })));
    for (const [name, sql] of Object.entries(OVERVIEW_STATEMENTS)) {
      const plan = await harness.rawQuery(
        `EXPLAIN ${sql.replace('COUNT_LIMIT', '5').replaceAll('?', "'warehouse'")}`,
      );
      const tables = plan.filter(
        ({ table }) => table === 'deliveries' || table === 'quarantine' || table === 'sweeps',
      );
      for (const { type, key } of tables)
        expect([type, key], name).toEqual([expect.not.stringMatching(/ALL/), expect.any(String)]);
      expect(plan.length, name).toBeGreaterThan(0);
    }
  });
}
