import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  atLeast,
  atMost,
  type Bench,
  commandOf,
  measure,
  measuresOf,
  medianOf,
  RESULTS,
  ratio,
} from '../../bench/lib/bench.ts';
import { type BenchResult, figuresOf, parseResult } from '../../bench/lib/result.ts';
import { RunningCheck } from '../checks/lib/command.ts';

const RESULT: BenchResult = {
  bench: 'drain',
  command: 'npm run bench -- drain',
  date: '2026-11-30T17:00:00.000Z',
  commit: '0123456789ab',
  is_dirty: false,
  is_quick: false,
  machine: { cpu: 'a processor', cores: 2, memory_gib: 24, kernel: '6.1.0' },
  versions: { node: 'v24.0.0' },
  facts: { events: 1_000 },
  measures: [measure('MariaDB 10.11', 'order-sync', 'events_per_second', [3, 1, 2])],
  bars: [atLeast('times of a peer', 2.5, 2), atMost('MiB', 400, 350)],
  missing: [{ peer: 'a peer', reason: 'it does not install' }],
  seconds: 1,
  ok: false,
};

describe('the result of a bench', () => {
  it('survives its file', () => {
    expect(parseResult(JSON.stringify(RESULT))).toEqual(RESULT);
  });

  it('names the member that is wrong', () => {
    const wrong = { ...RESULT, measures: [{ ...RESULT.measures[0], runs: [] }] };
    expect(() => parseResult(JSON.stringify(wrong))).toThrow(/measures\.0\.runs/);
    expect(() => parseResult(JSON.stringify({ ...RESULT, more: 1 }))).toThrow(/more/);
  });

  it('prints each median and its runs by program, subject and figure', () => {
    expect(figuresOf(RESULT)).toMatchObject({
      events: 1_000,
      order_sync_mariadb_10_11_events_per_second: 2,
      order_sync_mariadb_10_11_events_per_second_of_runs: [3, 1, 2],
      ok: false,
    });
  });

  it('misses a bar that was not measured', () => {
    expect(atLeast('a share', null, 1)).toMatchObject({ value: null, ok: false });
    expect(atMost('a share', null, 1).ok).toBe(false);
    expect([atLeast('a share', 1, 1).ok, atMost('a share', 1, 1).ok]).toEqual([true, true]);
    expect([atLeast('a share', 0.9, 1).ok, atMost('a share', 1.1, 1).ok]).toEqual([false, false]);
  });

  it('makes measures of the figures that runs have', () => {
    const measures = measuresOf('mariadb', 'order-sync', [
      { rate: 10, cpu: null },
      { rate: 20.123456, cpu: 3 },
      { rate: 30, cpu: null },
    ]);
    expect(measures.map(({ figure, runs }) => [figure, runs])).toEqual([
      ['rate', [10, 20.12, 30]],
      ['cpu', [3]],
    ]);
    expect(medianOf(measures, 'mariadb', 'order-sync', 'rate')).toBe(20.12);
    expect(ratio(medianOf(measures, 'mariadb', 'order-sync', 'none'), 2)).toBeNull();
  });
});

describe('the results on record', () => {
  const files = readdirSync(RESULTS).filter((name) => name.endsWith('.json'));

  it.each(files)('reads %s', (name) => {
    const result = parseResult(readFileSync(join(RESULTS, name), 'utf8'));
    expect(name).toBe(`${result.date.slice(0, 10)}-${result.bench}.json`);
    expect(result.is_quick).toBe(false);
    expect(result.ok).toBe(result.bars.every(({ ok }) => ok));
    for (const { program, subject, figure, runs, median } of result.measures)
      expect(measure(subject, program, figure, runs).median).toBe(median);
  });
});

describe('the command of a bench', () => {
  const bench: Bench = {
    name: 'race',
    summary: 'A race.',
    examples: [],
    options: [
      { name: 'events', value: 'number', fallback: '1000', help: 'Events' },
      { name: 'runs', value: 'number', fallback: '5', help: 'Runs' },
    ],
    quick: { events: '10' },
    run: async () => ({
      measures: [],
      bars: [atLeast('x', 1, 2)],
      facts: { size: 3 },
      versions: { peer: '1' },
    }),
  };

  it('takes the small values with --quick, and keeps no result then', () => {
    const fallbacks = (isQuick: boolean) =>
      commandOf(bench, isQuick).options.map(({ name, fallback }) => [name, fallback]);
    expect(fallbacks(true)).toEqual([
      ['events', '10'],
      ['runs', '5'],
      ['quick', 'false'],
      ['results', 'none'],
    ]);
    expect(Object.fromEntries(fallbacks(false))).toMatchObject({ events: '1000', results: 'bench/results' });
  });

  it('keeps the result with machine, versions and commit, and follows the bars', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-bench-'));
    try {
      const command = commandOf(bench, false);
      const check = new RunningCheck(new Map([['results', folder]]));
      expect(await command.run(check)).toMatchObject({ size: 3, ok: false });
      const [file = ''] = readdirSync(folder);
      const result = parseResult(readFileSync(join(folder, file), 'utf8'));
      expect(result).toMatchObject({ bench: 'race', facts: { size: 3 }, versions: { peer: '1' }, ok: false });
      expect(result.versions.node).toBe(process.version);
      expect(result.machine.kernel).not.toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
