// Runs one private service for its owner, the process that started this supervisor, and ends it when the owner ends.
//
//   waiting --(first line of stdin: the service)--> running its steps, one after the other
//   running --(stdin ends: the owner stopped it, ended, or was killed)--> killing --> cleaning --> gone
//   running --(a step fails, or the last step ends)-------------------------------> cleaning --> gone
//
// The owner holds the other end of stdin. The system closes it when the owner ends, even after kill -9, so the owner
// needs no signal handler and no exit hook. For the same reason the supervisor makes and deletes the service's folder.
// It stops services with SIGKILL, because their data is deleted at the same time.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ServiceExit, ServiceSpecification } from './private-process.ts';

const logTailLength = 3_000;

let specification: ServiceSpecification | undefined;
let current: ChildProcess | undefined;
let isStopping = false;

// Ctrl-C does not reach this process, which is not in the owner's process group. Other programs may send it signals.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, stop);
// Writing fails if the owner has ended. That error is ignored.
process.stdout.on('error', () => {});

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => {
  specification = JSON.parse(line) as ServiceSpecification;
  mkdirSync(specification.folder, { recursive: true, mode: 0o700 });
  for (const [name, content] of Object.entries(specification.files)) {
    const path = join(specification.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  runStep(specification, 0);
});
lines.once('close', stop);
lines.on('error', stop);

function runStep(service: ServiceSpecification, index: number): void {
  const [command, ...commandArguments] = service.steps[index] ?? [];
  if (command === undefined || isStopping) {
    finish(service, null, null);
    return;
  }
  const log = openSync(logFile(service), 'a');
  // `detached` gives the step its own process group, so that every process that it starts can be killed with it.
  const child = spawn(command, commandArguments, {
    cwd: service.folder,
    env: { ...process.env, ...service.environment },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  current = child;
  child.once('error', (error) => {
    writeFileSync(logFile(service), `${command} could not be started: ${error.message}\n`, { flag: 'a' });
    finish(service, null, null);
  });
  child.once('exit', (code, signal) => {
    if (code === 0 && !isStopping && index + 1 < service.steps.length) runStep(service, index + 1);
    else finish(service, code, signal);
  });
}

function stop(): void {
  if (isStopping) return;
  isStopping = true;
  if (specification === undefined) process.exit(0);
  killGroup(current);
}

function killGroup(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function finish(service: ServiceSpecification, code: number | null, signal: string | null): void {
  killGroup(current);
  for (const [command, ...commandArguments] of service.cleanup) {
    if (command !== undefined) spawnSync(command, commandArguments, { stdio: 'ignore', timeout: 30_000 });
  }
  const exit: ServiceExit = { code, signal, logTail: readLogTail(service) };
  // Killed processes may hold files of the folder open for a moment, so the deletion is tried again.
  rmSync(service.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  process.stdout.write(`${JSON.stringify(exit)}\n`, () => process.exit(0));
}

function logFile(service: ServiceSpecification): string {
  return join(service.folder, 'service.log');
}

function readLogTail(service: ServiceSpecification): string {
  try {
    return readFileSync(logFile(service), 'utf8').slice(-logTailLength).trim();
  } catch {
    return '';
  }
}
