import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

const flags = JSON.parse(readFileSync(new URL('./node-flags.json', import.meta.url), 'utf8'));

/**
 * Runs Node with these words as a child, hands signals on to it, and ends with its exit code. One of the programs gets a small
 * young generation: what is on the way outlives any of its sizes, and V8 would let it grow to 128 MiB on most machines
 * (docs/decisions/0029-packed-events.md). A size in NODE_OPTIONS counts instead.
 */
export function runChild(node, words, env, isProgram) {
  const given = env.NODE_OPTIONS ?? '';
  const ours = isProgram ? flags.programs.filter((flag) => !given.includes(flag.split('=')[0])) : [];
  const child = spawn(node, [...flags.everywhere, ...ours, ...words], { stdio: 'inherit', env });
  // The terminal sends Ctrl-C to the child too. SIGTERM and SIGHUP may reach this process alone, so it hands them on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`${node} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
  });
}
