/** What a bench is, and how it becomes a command that keeps its result. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join, relative } from 'node:path';
import { median } from '../../test/checks/faults/median.ts';
import type { CheckCommand, CommandOption, RunningCheck } from '../../test/checks/lib/command.ts';
import { machine } from '../../test/checks/lib/process-usage.ts';
import { type ServiceSet, serviceNames } from '../../test/services/index.ts';
import { type Bar, type BenchResult, figuresOf, type Measure } from './result.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
export const RESULTS = join(ROOT, 'bench', 'results');

export interface Bench {
  /** The word after `npm run bench --`. */
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly options: readonly CommandOption[];
  /** The values that `--quick` gives to options: small ones, which show that the bench works. */
  readonly quick: Readonly<Record<string, string>>;
  run(check: RunningCheck): Promise<Measured>;
}

/** What a bench returns. The framework adds the machine, the commit and the date. */
export interface Measured {
  readonly measures: readonly Measure[];
  readonly bars: readonly Bar[];
  readonly facts: BenchResult['facts'];
  /** The versions of what was measured, besides Node's. */
  readonly versions: Readonly<Record<string, string>>;
  readonly missing?: BenchResult['missing'];
}

export function measure(subject: string, program: string, figure: string, runs: readonly number[]): Measure {
  return { subject, program, figure, runs: runs.map(rounded), median: rounded(median(runs)) };
}

/**
 * Makes a measure of each figure of the runs. A figure that a run lacks, or that is null, is left out of it, and a figure that
 * no run has makes no measure.
 */
export function measuresOf(
  subject: string,
  program: string,
  runs: readonly Readonly<Record<string, number | null>>[],
): Measure[] {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run)))];
  return names.flatMap((name) => {
    const values = runs.map((run) => run[name] ?? null).filter((value) => value !== null);
    return values.length === 0 ? [] : [measure(subject, program, name, values)];
  });
}

/** The median of a figure; null if it was not measured. */
export function medianOf(
  measures: readonly Measure[],
  subject: string,
  program: string,
  figure: string,
): number | null {
  const found = measures.find(
    (each) => each.subject === subject && each.program === program && each.figure === figure,
  );
  return found?.median ?? null;
}

export function atLeast(name: string, value: number | null, bar: number): Bar {
  return {
    name,
    value: value === null ? null : rounded(value),
    must: 'at least',
    bar,
    ok: (value ?? NaN) >= bar,
  };
}

export function atMost(name: string, value: number | null, bar: number): Bar {
  return {
    name,
    value: value === null ? null : rounded(value),
    must: 'at most',
    bar,
    ok: (value ?? NaN) <= bar,
  };
}

/** `above / below`; null if one of them is missing. */
export function ratio(above: number | null, below: number | null): number | null {
  return above === null || below === null || below === 0 ? null : above / below;
}

/** Rounds to four digits that count, and keeps whole numbers whole. */
function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(value >= 1_000 ? 6 : 4));
}

/** The versions of the services that run. */
export function versionsOf(services: ServiceSet): Record<string, string> {
  return Object.fromEntries(
    serviceNames.filter((name) => !services.lacks(name)).map((name) => [name, services[name].description]),
  );
}

/** Makes a command of a bench. With `isQuick` the options have the bench's quick values, and no result is kept. */
export function commandOf(bench: Bench, isQuick: boolean): CheckCommand {
  const fallbackOf = ({ name, fallback }: CommandOption) =>
    isQuick ? (bench.quick[name] ?? fallback) : fallback;
  return {
    name: bench.name,
    invocation: `npm run bench -- ${bench.name}`,
    summary: bench.summary,
    examples: bench.examples,
    options: [
      ...bench.options.map((option) => ({ ...option, fallback: fallbackOf(option) })),
      {
        name: 'quick',
        value: '',
        fallback: 'false',
        help: 'Small sizes, which show only that the bench works',
      },
      {
        name: 'results',
        value: 'folder|none',
        fallback: isQuick ? 'none' : relative(process.cwd(), RESULTS) || '.',
        help: 'Where the result is kept',
      },
    ],
    run: async (check) => {
      const date = new Date();
      const began = performance.now();
      const checkout = checkoutOf(ROOT);
      const measured = await bench.run(check);
      const result: BenchResult = {
        bench: bench.name,
        command: ['npm run bench --', bench.name, ...process.argv.slice(2)].join(' '),
        date: date.toISOString(),
        ...checkout,
        is_quick: isQuick,
        machine: { ...machine(), kernel: release() },
        versions: { node: process.version, ...measured.versions },
        facts: measured.facts,
        measures: [...measured.measures],
        bars: [...measured.bars],
        missing: measured.missing ?? [],
        seconds: Math.round((performance.now() - began) / 1_000),
        ok: measured.bars.every(({ ok }) => ok),
      };
      for (const bar of result.bars) if (!bar.ok) check.progress(`Not reached: ${sentenceOf(bar)}`);
      const folder = check.text('results');
      if (folder !== 'none') check.progress(`The result is in ${keep(result, folder)}`);
      return figuresOf(result);
    },
  };
}

export function sentenceOf({ name, value, must, bar }: Bar): string {
  return `${name}: ${value ?? 'not measured'}, must be ${must} ${bar}`;
}

/** Writes the result. A second result of the same bench on the same day replaces the first. */
function keep(result: BenchResult, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${result.date.slice(0, 10)}-${result.bench}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  return file;
}

/** The commit of a checkout, and whether files differ from it. Results do not count. */
function checkoutOf(root: string): Pick<BenchResult, 'commit' | 'is_dirty'> {
  const git = (...words: string[]) => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim();
  try {
    const changes = git('status', '--porcelain', '--', '.', ':!bench/results', ':!docs/performance*');
    return { commit: git('rev-parse', '--short=12', 'HEAD'), is_dirty: changes !== '' };
  } catch {
    // A copy without its repository has no commit.
    return { commit: 'unknown', is_dirty: true };
  }
}
