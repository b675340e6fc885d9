import { describe, expect, it } from 'vitest';
import { OVERVIEW_STATEMENTS } from '../../../src/adapters/sqlite/overview.ts';
import { usePlace } from '../../contract/store/fixtures.ts';
import { SqliteHarness } from './harness.ts';

describe('the statements of the overview on SQLite', () => {
  const harness = new SqliteHarness();
  const place = usePlace(harness);

  it.each(Object.entries(OVERVIEW_STATEMENTS))('%s reads no whole table', async (_name, sql) => {
    await place.store.health();
    const plan = await harness.rawQuery(
      `EXPLAIN QUERY PLAN ${sql.replace('COUNT_LIMIT', '5').replaceAll('?', "'a'")}`,
    );
    const steps = plan.map(({ detail }) => String(detail));
    // Parked entities are counted along their key, and open records along an index of nothing else, up to the limit.
    const isCounted = (step: string) =>
      /parked_entities|COVERING INDEX quarantine_open|CO-ROUTINE|subquery|^USE TEMP B-TREE/.test(step);
    for (const step of steps.filter((each) => !isCounted(each)))
      expect(step).toMatch(/^SEARCH .* USING (COVERING )?INDEX|^SEARCH .* USING PRIMARY KEY/);
    expect(steps.length).toBeGreaterThan(0);
  });
});
