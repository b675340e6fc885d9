// Runs one private service and sees to it that nothing of it outlives the process that asked for it.
//
//   waiting --(first line of stdin: the service)--> running its steps, one after the other
//   running --(stdin ends: the asker stopped it, ended, or was killed)--> killing --> cleaning --> gone
//   running --(a step fails, or the last step ends)-------------------------------> cleaning --> gone
//
// The asker holds the other end of stdin. The system closes it whatever way the asker ends, kill -9 included,
// so no signal handler and no exit hook of the asker is needed. The service's folder is made and deleted here
// for the same reason. Services are killed outright: their data is thrown away at the same moment.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ServiceExit, ServiceSpecification } from './private-process.ts';

const logTailLength = 3_000;

let specification: ServiceSpecification | undefined;
let current: ChildProcess | undefined;
let isStopping = false;

// Ctrl-C goes to the asker's terminal group, which this process is not part of; others may still send it.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, stop);
// Nobody may be left to read what is written.
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
  // Detached: a process group of its own, so that everything the step starts can be killed with it.
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
  // What the killed group still held open may take a moment to go.
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
