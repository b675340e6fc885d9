/**
 * `npm run bench -- start` measures how long people wait for a program: the help of each command line beside Node alone, a
 * command that reads the store, and `npm start` until it is ready. See docs/checks.md.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { waitFor } from '../test/checks/lib/waiting.ts';
import { atMost, type Bench, type Measured, measure, medianOf, ratio } from './lib/bench.ts';

const ROOT = join(import.meta.dirname, '..');
const LAUNCHER = join(ROOT, 'bin', 'launch.mjs');
const PROGRAMS = ['order-sync', 'event-producer', 'order-mgt', 'start'] as const;
/** A help may take this many times as long as Node that does nothing. */
const HELP_MAX = 5;
const READY_MAX_MS = 1_500;
const PATIENCE_MS = 60_000;

export const bench: Bench = {
  name: 'start',
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
  quick: { runs: '3', starts: '1' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const runs = check.number('runs');
  const folders = Array.from({ length: Math.max(1, check.number('starts')) }, () =>
    join(check.temporaryFolder(), 'data'),
  );
  const ready: number[] = [];
  for (const folder of folders) ready.push(await readyMs(check, folder));
  const [folder = ''] = folders;
  const kinds = new Map<string, readonly string[]>([
    ['node', ['-e', '0']],
    ...PROGRAMS.map((name): [string, string[]] => [name, [LAUNCHER, mainOf(name), '--help']]),
    ['orders', [LAUNCHER, mainOf('order-sync'), 'orders', '--data-dir', folder]],
  ]);
  // The first run of each compiles its modules, which Node keeps for those after it.
  for (const words of kinds.values()) timeOf(words);
  const times = new Map([...kinds.keys()].map((kind) => [kind, [] as number[]]));
  for (let number = 0; number < runs; number++) {
    check.signal.throwIfAborted();
    for (const [kind, words] of kinds) times.get(kind)?.push(timeOf(words));
  }
  const measures = [
    ...[...times].map(([kind, each]) =>
      kind === 'orders' ? measure('orders', 'order-sync', 'ms', each) : measure('help', kind, 'ms', each),
    ),
    measure('npm start', 'start', 'ready_ms', ready),
  ];
  const helpOf = (name: string) => medianOf(measures, 'help', name, 'ms');
  return {
    measures,
    bars: [
      ...PROGRAMS.map((name) =>
        atMost(`${name} --help in times of node -e 0`, ratio(helpOf(name), helpOf('node')), HELP_MAX),
      ),
      atMost('npm start to ready in ms', medianOf(measures, 'npm start', 'start', 'ready_ms'), READY_MAX_MS),
    ],
    facts: { runs, starts: ready.length },
    versions: {},
  };
}

function mainOf(name: string): string {
  return `src/apps/${name}/main.ts`;
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
