import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { inheritedEnvironment } from '../../test/checks/lib/programs.ts';

/** A program of others that runs until it is stopped. */
export interface Child {
  readonly pid: number;
  /** Throws, with the end of its output, if it has ended by itself. */
  assertRunning(): void;
  /** Kills it, and waits until it has ended. May be called twice. */
  stop(): Promise<void>;
}

/** Starts a program. It is killed at the end of the check. */
export function startChild(check: RunningCheck, label: string, command: readonly string[]): Child {
  const logFile = join(check.temporaryFolder(), `${label}.log`);
  const log = openSync(logFile, 'a');
  const [program = '', ...words] = command;
  const child = spawn(program, words, {
    stdio: ['ignore', log, log],
    detached: true,
    env: inheritedEnvironment(),
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  const stop = check.defer(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  if (child.pid === undefined) throw new Error(`${program} could not be started`);
  return {
    pid: child.pid,
    assertRunning() {
      if (child.exitCode === null && child.signalCode === null) return;
      throw new Error(
        `${label} has ended by itself; its output ends:\n${readFileSync(logFile, 'utf8').slice(-4_000)}`,
      );
    },
    stop,
  };
}
