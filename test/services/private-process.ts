// A private instance of a service: its own ports, folder and process group, gone when this process is gone.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from './errors.ts';

/** What the supervisor runs. Paths in `files` are below `folder`. */
export interface ServiceSpecification {
  readonly name: string;
  readonly folder: string;
  readonly files: Readonly<Record<string, string>>;
  /** Commands that run one after the other; the last one is the server. */
  readonly steps: readonly (readonly string[])[];
  readonly environment: Readonly<Record<string, string>>;
  /** Commands that run after the server is gone, however it went. */
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
  /** Kills the service and deletes its folder. May be called twice; resolves when both are done. */
  stop(): Promise<void>;
}

/** A folder that nobody has: the supervisor makes it, and deletes it again. */
export function privateFolder(name: string): string {
  return join(tmpdir(), `tributary-${name}-${process.pid}-${randomBytes(4).toString('hex')}`);
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
  // A supervisor that could not start has closed its stdin already; what it said comes with its exit.
  supervisor.stdin.on('error', () => {});
  supervisor.stdin.write(`${JSON.stringify(complete)}\n`);
  const exited = new Promise<ServiceExit>((resolve) => {
    supervisor.once('error', (error) => resolve({ code: null, signal: null, logTail: error.message }));
    supervisor.once('close', (code, signal) => {
      const report = output.trim();
      resolve(report === '' ? { code, signal, logTail: errors } : (JSON.parse(report) as ServiceExit));
    });
  });
  // A program that forgets to stop its services still ends, and then they end.
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

/** Options meant for this process (a debugger's port, a test runner's loader) must not reach the supervisor. */
function supervisorEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...rest } = process.env;
  return rest;
}

const probePauseMs = 100;

/**
 * Waits until `probe` succeeds. When the service ends first, or is not ready in time, it is stopped and the
 * error carries the end of its log.
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

/** Another process may take a port between its choice and its use: then everything is tried with new ones. */
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
