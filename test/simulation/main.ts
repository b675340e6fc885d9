/**
 * `npm run simulate` plays seeded histories: the real pipeline between twins of log, database, target and clock, without
 * real time. See docs/testing.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Figures, type RunningCheck, runCommand, UsageError } from '../checks/lib/command.ts';
import type { Size } from './seeded/draw.ts';
import type { History } from './seeded/history.ts';
import { play } from './seeded/play.ts';
import { type Failure, historyOf } from './seeded/schedules.ts';
import { sentencesOf } from './seeded/sentences.ts';
import { shrink } from './seeded/shrink.ts';
import { Tally } from './seeded/tally.ts';
import type { WorkerReport, WorkerTask } from './seeded/worker.ts';

const SHOWN_LINES = 60;
const PROGRESS_EVERY_MS = 10_000;
const YOUNG_MB = 64;
const SEEDS_A_RUN = 1_000_000_000;
const SIZES = ['small', 'medium', 'large'] as const;

await runCommand({
  name: 'simulate',
  invocation: 'npm run simulate --',
  summary:
    'Plays seeded histories over twins of log, database, target and clock, and checks the invariants after each step.',
  examples: [
    'npm run simulate -- --seeds 20000',
    'npm run simulate -- --time 600',
    'npm run simulate -- --seed 4711 --trace yes',
  ],
  options: [
    { name: 'seeds', value: 'number', fallback: '20000', help: 'The number of seeds' },
    { name: 'from', value: 'number', fallback: '1', help: 'The first seed' },
    {
      name: 'time',
      value: 'seconds',
      fallback: '0',
      help: 'Plays seeds for this time, whatever their number',
    },
    { name: 'seed', value: 'number', fallback: '0', help: 'Plays this seed alone' },
    {
      name: 'step',
      value: 'number',
      fallback: '-1',
      help: 'With --seed: the first process dies at this step',
    },
    { name: 'size', value: SIZES.join('|'), fallback: 'by seed', help: 'The size of the histories' },
    { name: 'history', value: 'file', fallback: 'none', help: 'Plays the history in this file' },
    {
      name: 'trace',
      value: 'yes|no',
      fallback: 'no',
      help: 'Prints what happens in the one history that is played',
    },
    { name: 'shrink', value: 'yes|no', fallback: 'yes', help: 'Makes a history that fails smaller' },
    {
      name: 'keep',
      value: 'file',
      fallback: 'none',
      help: 'Writes the smallest history that fails to this file',
    },
    {
      name: 'jobs',
      value: 'number',
      fallback: String(availableParallelism()),
      help: 'The number of threads',
    },
  ],
  run: (check) => (isOne(check) ? playOne(check) : playMany(check)),
});

function isOne(check: RunningCheck): boolean {
  return check.number('seed') !== 0 || check.text('history') !== 'none';
}

function sizeOf(check: RunningCheck): Size | null {
  return check.text('size') === 'by seed' ? null : check.choice('size', SIZES);
}

async function playOne(check: RunningCheck): Promise<Figures> {
  const history = oneHistory(check);
  const tally = new Tally();
  const { violations, trace, firstSteps } = await play(history, tally, { isTraced: true });
  if (check.choice('trace', ['yes', 'no']) === 'yes') process.stdout.write(`${trace.join('\n')}\n`);
  if (violations.length > 0) await explain(check, { history, violations });
  return { steps: firstSteps, violations: violations.length, ...tally.toJSON(), ok: violations.length === 0 };
}

function oneHistory(check: RunningCheck): History {
  const file = check.text('history');
  if (file !== 'none') return JSON.parse(readFileSync(file, 'utf8')) as History;
  const history = historyOf(check.number('seed'), sizeOf(check) ?? undefined);
  const step = Number(check.text('step'));
  if (!Number.isInteger(step)) throw new UsageError('--step takes an integer.');
  return step < 0 ? history : { ...history, diesAtStep: step };
}

async function playMany(check: RunningCheck): Promise<Figures> {
  const jobs = Math.max(1, check.number('jobs'));
  const seconds = check.number('time');
  const from = check.number('from');
  const seeds = seconds > 0 ? SEEDS_A_RUN : check.number('seeds');
  const endsAtMs = seconds > 0 ? Date.now() + seconds * 1_000 : Number.POSITIVE_INFINITY;
  const tally = new Tally();
  const failures: Failure[] = [];
  const played = { seeds: 0, schedules: 0 };
  const begunMs = performance.now();
  let saidMs = begunMs;
  const rate = () => Math.round((played.schedules / (performance.now() - begunMs)) * 1_000);
  const workers = Array.from({ length: jobs }, (_, index) =>
    runWorker(
      check,
      { from: from + index, step: jobs, to: from + seeds, endsAtMs, size: sizeOf(check) },
      (report) => {
        played.seeds += report.seeds;
        played.schedules += report.schedules;
        tally.add(report.tally);
        failures.push(...report.failures);
        if (performance.now() - saidMs < PROGRESS_EVERY_MS) return;
        saidMs = performance.now();
        check.progress(
          `${played.schedules} schedules, ${rate()} a second, ${failures.length} with violations`,
        );
      },
    ),
  );
  await Promise.all(workers);
  const [first] = failures;
  if (first !== undefined) await explain(check, first);
  for (const { history, violations } of failures.slice(1))
    check.progress(`Seed ${history.seed}${stepOf(history)}: ${violations[0]}`);
  return {
    ...played,
    perSecond: rate(),
    violations: failures.length,
    ...tally.toJSON(),
    ok: failures.length === 0 && !check.signal.aborted,
  };
}

function runWorker(
  check: RunningCheck,
  task: WorkerTask,
  onReport: (report: WorkerReport) => void,
): Promise<void> {
  const worker = new Worker(join(import.meta.dirname, 'seeded', 'worker.ts'), {
    workerData: task,
    // Most objects of a history die young.
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  check.defer(async () => {
    await worker.terminate();
  });
  return new Promise((resolve, reject) => {
    worker.on('message', (report: WorkerReport) => {
      onReport(report);
      if (report.isDone) resolve();
    });
    worker.on('error', reject);
  });
}

/** Prints the smallest history that still fails, and the command that plays it again. */
async function explain(check: RunningCheck, { history, violations }: Failure): Promise<void> {
  const isToShrink = check.choice('shrink', ['yes', 'no']) === 'yes';
  check.progress(`Seed ${history.seed}${stepOf(history)} fails: ${violations[0]}`);
  const smallest = isToShrink ? await shrink(history) : history;
  const { violations: left, trace } = await play(smallest, new Tally(), { isTraced: true });
  const keep = check.text('keep');
  if (keep !== 'none') writeFileSync(keep, `${JSON.stringify(smallest)}\n`);
  const size = check.text('size') === 'by seed' ? '' : ` --size ${check.text('size')}`;
  process.stdout.write(
    [
      ...sentencesOf(smallest),
      '',
      ...trace.slice(-SHOWN_LINES),
      '',
      ...left,
      '',
      `Play it again: npm run simulate -- --seed ${history.seed}${size}${stepOf(history)} --trace yes`,
      '',
    ].join('\n'),
  );
}

function stepOf({ diesAtStep }: History): string {
  return diesAtStep === undefined ? '' : ` --step ${diesAtStep}`;
}
