import { describe, expect, it } from 'vitest';
import { measure } from '../../bench/lib/bench.ts';
import type { BenchResult } from '../../bench/lib/result.ts';
import { resultsOnRecord } from '../../bench/page/page.ts';
import { scalingOnDisk, scalingPage } from '../../bench/page/scaling.ts';
import { planOf } from '../../bench/page/scaling-plan.ts';

/** A result in which an event costs 12 us in order-sync and 18 us in a database, and twice that in two behind a proxy. */
function measured(date = '2026-11-30T10:00:00.000Z'): BenchResult {
  const of = (subject: string, figures: Readonly<Record<string, number>>) =>
    Object.entries(figures).map(([figure, value]) => measure(subject, 'order-sync', figure, [value]));
  const costs = (database: number, more: Readonly<Record<string, number>> = {}) => ({
    cpu_seconds_per_million_order_sync: 12,
    cpu_seconds_per_million_kafka: 3,
    cpu_seconds_per_million_database: database,
    log_bytes_per_event: 500,
    ...more,
  });
  return {
    bench: 'scale',
    command: 'npm run bench -- scale',
    date,
    commit: '0123456789ab',
    is_dirty: false,
    is_quick: false,
    machine: { cpu: 'a processor', cores: 2, memory_gib: 24, kernel: '6.1.0' },
    versions: {},
    facts: {},
    measures: [
      ...of('1 instance', { ...costs(18), cpu_seconds_per_million_order_sync: 99 }),
      ...of('4 instances', costs(99)),
      ...of('one MySQL server', costs(20)),
      ...of(
        'two MySQL servers behind ShardingSphere-Proxy',
        costs(40, { cpu_seconds_per_million_proxy: 60 }),
      ),
    ],
    bars: [],
    missing: [],
    seconds: 1,
    ok: true,
  };
}

const PAGE =
  'Before.\n\n<!-- figures: instances -->\nold\n<!-- end -->\n\nBetween.\n\n<!-- figures: plan -->\n<!-- end -->\n\nAfter.\n';

describe('docs/scaling.md', () => {
  it('shows the newest result, as npm run bench -- page makes it', () => {
    expect(scalingPage(scalingOnDisk(), resultsOnRecord())).toBe(scalingOnDisk());
  });

  it('keeps the words around the figures, however often it is made', () => {
    const once = scalingPage(PAGE, [measured()]);
    expect(scalingPage(once, [measured()])).toBe(once);
    for (const words of ['Before.', 'Between.', 'After.']) expect(once).toContain(words);
    expect(once).toContain('| 4 instances | order-sync |');
    expect(once).not.toMatch(/old|one MySQL server/);
  });

  it('says where no result is on record, and refuses parts that nobody makes', () => {
    expect(scalingPage(PAGE, [])).toContain('No result is on record yet');
    const page = '<!-- figures: nothing -->\n<!-- end -->';
    expect(() => scalingPage(page, [measured()])).toThrow('a part nothing that nothing makes');
  });

  it('works the plan out from many instances, one instance on a database, and the growth behind the proxy', () => {
    const plan = planOf(measured());
    // 12 s per million at 60% busy are 20 cores; 18 s, twice, are 60 cores, or two servers of 32.
    expect(plan).toContain('| 20 instances of one core |');
    expect(plan).toContain('64 of each topic');
    expect(plan).toContain('| 60 cores: 2 servers of 32 cores |');
    expect(plan).toContain('0.5 GB a second in all, 0.25 GB a second on each server');
    expect(plan).toContain('| 100 cores |');
  });
});
