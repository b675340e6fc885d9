/**
 * `npm run bench -- start` measures how long people wait for a program: the help of each command line beside Node alone, a
 * command that reads the store, and `npm start` until it is ready. See docs/checks.md.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { median } from '../test/checks/faults/median.ts';
import type { CheckCommand, Figures, RunningCheck } from '../test/checks/lib/command.ts';
import { machine } from '../test/checks/lib/process-usage.ts';
import { waitFor } from '../test/checks/lib/waiting.ts';

const ROOT = join(import.meta.dirname, '..');
const LAUNCHER = join(ROOT, 'bin', 'launch.mjs');
const PROGRAMS = ['order-sync', 'event-producer', 'order-mgt', 'start'] as const;
/** A help may take this many times as long as Node that does nothing. */
const HELP_MAX = 5;
const READY_MAX_MS = 1_500;
const PATIENCE_MS = 60_000;

export const bench: CheckCommand = {
  name: 'start',
  invocation: 'npm run bench -- start',
  summary: 'How long the programs take to start: --help, a command, and npm start until it is ready.',
  examples: ['npm run bench -- start', 'npm run bench -- start --runs 3 --starts 1'],
  options: [
    { name: 'runs', value: 'number', fallback: '15', help: 'Runs of each command line' },
    {
      name: 'starts',
      value: 'number',
      fallback: '5',
      help: 'Starts of npm start, each with a new data directory',
    },
  ],
  run,
};

async function run(check: RunningCheck): Promise<Figures> {
  const runs = check.number('runs');
  const folders = Array.from({ length: Math.max(1, check.number('starts')) }, () =>
    join(check.temporaryFolder(), 'data'),
  );
  const ready: number[] = [];
  for (const folder of folders) ready.push(await readyMs(check, folder));
  const [folder = ''] = folders;
  const kinds = new Map<string, readonly string[]>([
    ['node', ['-e', '0']],
    ...PROGRAMS.map((name): [string, string[]] => [`help_${name}`, [LAUNCHER, mainOf(name), '--help']]),
    ['orders', [LAUNCHER, mainOf('order-sync'), 'orders', '--data-dir', folder]],
  ]);
  // The first run of each compiles its modules, which Node keeps for those after it.
  for (const words of kinds.values()) timeOf(words);
  const times = new Map([...kinds.keys()].map((kind) => [kind, [] as number[]]));
  for (let number = 0; number < runs; number++) {
    check.signal.throwIfAborted();
    for (const [kind, words] of kinds) times.get(kind)?.push(timeOf(words));
  }
  const ms = Object.fromEntries([...times].map(([kind, each]) => [`${kind}_ms`, rounded(median(each))]));
  const bare = ms.node_ms ?? 0;
  const ratios = Object.fromEntries(
    PROGRAMS.map((name) => [`help_${name}_by_node`, rounded((ms[`help_${name}_ms`] ?? 0) / bare)]),
  );
  const readyMedian = Math.round(median(ready));
  return {
    runs,
    ...ms,
    ...ratios,
    ready_ms: readyMedian,
    ready_ms_of_runs: ready.map(Math.round),
    node: process.version,
    machine: machine(),
    ok: Object.values(ratios).every((ratio) => ratio < HELP_MAX) && readyMedian < READY_MAX_MS,
  };
}

function mainOf(name: string): string {
  return `src/apps/${name}/main.ts`;
}

function rounded(number: number): number {
  return Math.round(number * 10) / 10;
}

/** The milliseconds that Node takes with these words, to its end. */
function timeOf(words: readonly string[]): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: 'utf8' });
  const ms = performance.now() - began;
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`);
  return ms;
}

/** The milliseconds from `npm start` on a new data directory until order-sync is ready. It leaves the demonstration's orders there. */
async function readyMs(check: RunningCheck, folder: string): Promise<number> {
  const began = performance.now();
  const words = ['start', '--', '--data-dir', folder, '--order-sync-port', '0', '--order-mgt-port', '0'];
  const child = spawn('npm', words, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = check.defer(async () => {
    if (child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  });
  let said = '';
  child.stdout.on('data', (text) => (said += String(text)));
  child.stderr.on('data', (text) => (said += String(text)));
  const waiting = { pauseMs: 5, timeoutMs: PATIENCE_MS, signal: check.signal };
  const url = await waitFor({ ...waiting, what: 'the address of order-sync' }, async () => {
    if (child.exitCode !== null) throw new Error(`npm start ended: ${said}`);
    return /order-sync works on .*?(http:\/\/[^\s"]+)/.exec(said)?.[1];
  });
  await waitFor({ ...waiting, what: 'order-sync to be ready' }, async () =>
    (await fetch(`${url}/readyz`)).ok ? true : undefined,
  );
  const ms = performance.now() - began;
  await end();
  check.progress(`npm start was ready after ${Math.round(ms)} ms`);
  return ms;
}
