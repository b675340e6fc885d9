import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Runs Node with these words as a child, hands signals on to it, and ends with its exit code. */
export function runChild(node, words, env) {
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...words], { stdio: 'inherit', env });
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
