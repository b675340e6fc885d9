// Starts private instances of services, each with its own ports, folder and process group. They end with this process.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from './errors.ts';

/** The task of a supervisor. Paths in `files` are below `folder`. */
export interface ServiceSpecification {
  readonly name: string;
  readonly folder: string;
  readonly files: Readonly<Record<string, string>>;
  /** Commands that run one after the other. The last one is the server. */
  readonly steps: readonly (readonly string[])[];
  readonly environment: Readonly<Record<string, string>>;
  /** Commands that run after the server has ended for any reason. */
  readonly cleanup: readonly (readonly string[])[];
}

export interface ServiceExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly logTail: string;
}

export interface PrivateProcess {
  readonly name: string;
  readonly exited: Promise<ServiceExit>;
  /** Kills the service and deletes its folder, and resolves when both are done. May be called twice. */
  stop(): Promise<void>;
}

/** Returns the path of a new folder. The supervisor makes the folder, and deletes it at the end. */
export function privateFolder(name: string, parent = tmpdir()): string {
  return join(parent, `tributary-${name}-${process.pid}-${randomBytes(4).toString('hex')}`);
}

export function startPrivateProcess(
  specification: Pick<ServiceSpecification, 'name' | 'folder' | 'steps'> & Partial<ServiceSpecification>,
): PrivateProcess {
  const complete: ServiceSpecification = { files: {}, environment: {}, cleanup: [], ...specification };
  const supervisor = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'supervisor.ts')],
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: supervisorEnvironment() },
  );
  let output = '';
  let errors = '';
  supervisor.stdout.on('data', (chunk) => {
    output += chunk;
  });
  supervisor.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  // A supervisor that could not start has closed its stdin. Its own error is reported with its exit.
  supervisor.stdin.on('error', () => {});
  supervisor.stdin.write(`${JSON.stringify(complete)}\n`);
  const exited = new Promise<ServiceExit>((resolve) => {
    supervisor.once('error', (error) => resolve({ code: null, signal: null, logTail: error.message }));
    supervisor.once('close', (code, signal) => {
      const report = output.trim();
      resolve(report === '' ? { code, signal, logTail: errors } : (JSON.parse(report) as ServiceExit));
    });
  });
  // A program that does not stop its services can still end. Its services end with it.
  const handles = [supervisor, supervisor.stdin, supervisor.stdout, supervisor.stderr] as Refable[];
  for (const handle of handles) handle.unref();
  return {
    name: complete.name,
    exited,
    async stop() {
      for (const handle of handles) handle.ref();
      supervisor.stdin.end();
      await exited;
    },
  };
}

interface Refable {
  ref(): unknown;
  unref(): unknown;
}

/** Removes Node's options for this process, such as a debugger's port, from the environment of the supervisor. */
function supervisorEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...rest } = process.env;
  return rest;
}

const probePauseMs = 100;

/**
 * Waits until `probe` succeeds. If the service ends before, or is not ready in time, it is stopped, and the error has
 * the end of its log.
 */
export async function untilReady<Result>(
  service: PrivateProcess,
  probe: () => Promise<Result>,
  timeoutMs: number,
): Promise<Result> {
  const deadline = Date.now() + timeoutMs;
  let exit: ServiceExit | undefined;
  service.exited.then((value) => {
    exit = value;
  });
  let lastFailure: unknown;
  while (exit === undefined && Date.now() < deadline) {
    try {
      return await probe();
    } catch (error) {
      lastFailure = error;
      await sleep(probePauseMs);
    }
  }
  const hasEnded = exit !== undefined;
  await service.stop();
  const { code, signal, logTail } = await service.exited;
  const what = hasEnded
    ? `ended with ${signal ?? `code ${code}`} while starting`
    : `was not ready after ${timeoutMs / 1000} s (${messageOf(lastFailure)})`;
  throw new Error(`${service.name} ${what}${logTail === '' ? '' : `; the end of its log:\n${logTail}`}`);
}

const attemptsForPorts = 3;

/** Runs `start` up to three times. Another process may take a port after it was chosen; a new try chooses new ports. */
export async function withFreshPorts<Result>(start: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      const isPortTaken = /address already in use|BindException|port is already allocated/i.test(
        messageOf(error),
      );
      if (!isPortTaken || attempt === attemptsForPorts) throw error;
    }
  }
}
