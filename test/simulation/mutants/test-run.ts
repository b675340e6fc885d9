import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What a run of test files came to. */
export type RunResult = (
  | { readonly kind: 'passed' }
  /** A test failed. `file` is its path from the root. */
  | { readonly kind: 'failed'; readonly test: string; readonly file: string; readonly isTimeout: boolean }
  /** The run ended without a failed test, and not well, or gave no sign of life for too long. */
  | { readonly kind: 'broken'; readonly why: string }
) & {
  /** The files of which all tests passed, with the time that they took. */
  readonly passedMs: ReadonlyMap<string, number>;
};

export interface Ended {
  /** The exit code; null if a signal or the time limit ended the process. */
  readonly code: number | null;
  readonly isSilent: boolean;
  readonly output: string;
}

/** The most characters of a program's output that are kept, from its end. */
const OUTPUT_MAX = 200_000;
/** A program that prints nothing for this long hangs. The slowest test file takes a minute on an idle machine. */
const SILENCE_MS = 10 * 60_000;

export interface ProgramOptions {
  readonly silenceMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs a program of the copy with its own Node. Ends it, and all that it started, when it prints nothing for too long or the
 * signal aborts.
 */
export function runInCopy(
  root: string,
  command: readonly string[],
  signal: AbortSignal,
  { silenceMs = SILENCE_MS, environment = {} }: ProgramOptions = {},
): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const node = join(root, 'node_modules', 'node', 'bin', 'node');
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...command], {
    cwd: root,
    // The process leads a group, so that the whole group can be ended.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node-compile'),
      NO_COLOR: '1',
      ...environment,
    },
  });
  let output = '';
  let isSilent = false;
  const end = () => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  const hangs = () => {
    isSilent = true;
    end();
  };
  let timer = setTimeout(hangs, silenceMs);
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-OUTPUT_MAX);
    clearTimeout(timer);
    timer = setTimeout(hangs, silenceMs);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  signal.addEventListener('abort', end, { once: true });
  const done = (code: number | null) => {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    end();
    resolve({ code, isSilent, output });
  };
  child.on('error', (error) => {
    output += error.message;
    done(null);
  });
  child.on('exit', done);
  return promise;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The report of Vitest, as far as it is read here. */
interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Runs these test files in the copy, one after the other, up to the first failure. */
export async function runTests(
  root: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<RunResult> {
  const report = join(root, 'node_modules', '.cache', 'mutants-report.json');
  rmSync(report, { force: true });
  const config = join(root, 'test', 'simulation', 'mutants', 'vitest-in-sequence.ts');
  const projects = ['--project', 'unit', '--project', 'alone'];
  const ended = await runInCopy(
    root,
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      ...['run', '--config', config, '--root', root, ...projects, '--bail', '1', '--maxWorkers', '1'],
      // The lines of the first reporter are the signs of life.
      ...['--reporter=verbose', '--reporter=json', `--outputFile.json=${report}`, ...files],
    ],
    signal,
    { environment: { MUTANTS_TEST_FILES: files.map((file) => join(root, file)).join('\n') } },
  );
  const none = { passedMs: new Map<string, number>() };
  if (ended.isSilent)
    return { kind: 'broken', why: `no sign of life for ${SILENCE_MS / 60_000} minutes`, ...none };
  if (!existsSync(report))
    return { kind: 'broken', why: `no report: ${lastLine(ended.output) ?? 'no output'}`, ...none };
  return resultOf(root, JSON.parse(readFileSync(report, 'utf8')) as Report, ended);
}

function resultOf(root: string, { success, testResults }: Report, ended: Ended): RunResult {
  const passedMs = new Map<string, number>();
  const pathOf = (name: string) => name.replace(`${root}/`, '');
  for (const { name, assertionResults, startTime, endTime } of testResults) {
    const isWhole = assertionResults.every(({ status }) => status !== 'failed' && status !== 'pending');
    if (isWhole && assertionResults.length > 0) passedMs.set(pathOf(name), endTime - startTime);
  }
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find((test) => test.status === 'failed');
    if (failed === undefined) continue;
    const isTimeout = failed.failureMessages.some((text) => /timed out in \d+ ?ms/.test(text));
    return { kind: 'failed', test: failed.fullName, file: pathOf(name), isTimeout, passedMs };
  }
  // A file that cannot be loaded has no failed test. One that the end of the run has cut off has no message either.
  for (const { name, message, status } of testResults) {
    const [test = ''] = message.split('\n');
    if (status === 'failed' && test !== '')
      return { kind: 'failed', test, file: pathOf(name), isTimeout: false, passedMs };
  }
  if (success && ended.code === 0) return { kind: 'passed', passedMs };
  return {
    kind: 'broken',
    why: `exit code ${ended.code}: ${lastLine(ended.output) ?? 'no output'}`,
    passedMs,
  };
}

function lastLine(output: string): string | undefined {
  return output.trimEnd().split('\n').at(-1);
}
