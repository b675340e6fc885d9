/**
 * `npm run bench -- <name>` runs one of the benches in this folder; without a name it runs all, one after the other. The name `page`
 * makes docs/performance.md, and the figures in docs/scaling.md.
 */
import { spawnSync } from 'node:child_process';
import { runCommand } from '../test/checks/lib/command.ts';
import { type Bench, commandOf } from './lib/bench.ts';
import { writePage } from './page/page.ts';
import { writeScaling } from './page/scaling.ts';

const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  ask: () => import('./ask.ts'),
  console: () => import('./console.ts'),
  delivery: () => import('./delivery.ts'),
  'drain-full': () => import('./drain-full.ts'),
  embedded: () => import('./embedded.ts'),
  growth: () => import('./growth.ts'),
  'hot-keys': () => import('./hot-keys.ts'),
  latency: () => import('./latency.ts'),
  rebuild: () => import('./rebuild.ts'),
  scale: () => import('./scale.ts'),
  start: () => import('./start.ts'),
};

const [name = ''] = process.argv.slice(2);
if (name === 'page') {
  for (const path of [...writePage(), writeScaling()]) process.stderr.write(`${path}\n`);
} else if (name === '' || name.startsWith('--')) runAll(process.argv.slice(2));
else {
  const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (load === undefined) fail(`There is no bench ${name}.`);
  process.argv.splice(2, 1);
  await runCommand(commandOf((await load()).bench, process.argv.includes('--quick')));
}

/** Runs each bench in a process of its own, with its own RESULT line, and ends with the RESULT of all. */
function runAll(options: readonly string[]): never {
  if (options.some((option) => option !== '--quick'))
    fail('Without the name of a bench, only --quick may be given.');
  const ok: Record<string, boolean> = {};
  for (const each of Object.keys(BENCHES)) {
    const words = [...process.execArgv, process.argv[1] as string, each, ...options];
    const { status, signal } = spawnSync(process.execPath, words, { stdio: 'inherit' });
    if (signal !== null || (status ?? 0) > 1) process.exit(status ?? 130);
    ok[each] = status === 0;
  }
  const isOk = Object.values(ok).every(Boolean);
  process.stdout.write(`RESULT ${JSON.stringify({ benches: ok, ok: isOk })}\n`);
  process.exit(isOk ? 0 : 1);
}

function fail(message: string): never {
  const names = Object.keys(BENCHES).map((each) => `  npm run bench -- ${each}`);
  process.stderr.write(`${message} The benches are:\n${names.join('\n')}\n`);
  process.exit(2);
}
