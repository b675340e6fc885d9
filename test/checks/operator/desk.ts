/**
 * Asks order-sync each question twice, by its command and over HTTP, and compares both answers with what the story knows.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { RunningCheck } from '../lib/command.ts';
import { inheritedEnvironment } from '../lib/programs.ts';

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'apps', 'order-sync', 'main.ts');

const TRIES_MAX = 5;

export interface Question {
  /** The question as an operator would ask it. */
  readonly what: string;
  /** Without `--json`. */
  readonly command: readonly string[];
  /** The exit code of the command; default 0. */
  readonly exitCode?: number;
  /** The path behind `/api/v1`; with a body it is a POST. */
  readonly path: string;
  readonly body?: object;
  /** What of an answer is compared. It gets the rows of a list, or the whole document. */
  readonly pick: (answer: never) => unknown;
  readonly expected: unknown;
}

/** Keeps the figures of all questions. */
export class Desk {
  readonly #check: RunningCheck;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #port: number;
  questions = 0;
  /** The answers that were compared: two for each question. */
  answers = 0;
  wrong = 0;
  slowestApiMs = 0;
  slowestCommandMs = 0;

  /** `settings` are those of the order-sync that listens on `port`. They may change. */
  constructor(check: RunningCheck, settings: Readonly<Record<string, string>>, port: number) {
    this.#check = check;
    this.#settings = settings;
    this.#port = port;
  }

  async ask({ what, command, exitCode = 0, path, body, pick, expected }: Question): Promise<void> {
    this.questions++;
    const byCommand = await this.runCommand(command);
    this.#compare(what, 'command', pick(byCommand.answer as never), expected);
    if (byCommand.code !== exitCode)
      this.#tell(what, 'command', `the exit code is ${byCommand.code}, not ${exitCode}`);
    const { status, answer } = await this.request(path, body);
    if (status >= 300) this.#tell(what, 'api', `the answer is ${status} ${JSON.stringify(answer)}`);
    else this.#compare(what, 'api', pick(rowsOf(answer) as never), expected);
  }

  /** Compares something that is not asked by both ways, such as the answer of a job. */
  know(what: string, answer: unknown, expected: unknown): void {
    this.questions++;
    this.#compare(what, 'job', answer, expected);
  }

  /** Asks again, as if nothing had been asked, until `work` says that the answers hold. */
  async until(work: () => Promise<boolean>): Promise<void> {
    const { questions, answers, wrong } = this;
    for (let tries = 1; !(await work()); tries++) {
      if (tries === TRIES_MAX) throw new Error(`The answers did not hold in ${TRIES_MAX} tries`);
      Object.assign(this, { questions, answers, wrong });
    }
  }

  /** Decides or finds out something by a command, which has to end with 0. */
  async decide(command: readonly string[]): Promise<unknown> {
    const { code, answer, stderr } = await this.runCommand(command);
    if (code !== 0) throw new Error(`order-sync ${command.join(' ')} ended with ${code}: ${stderr}`);
    return answer;
  }

  /** Decides something over HTTP. */
  async decideByApi(path: string, body: object): Promise<Record<string, unknown>> {
    const { status, answer } = await this.request(path, body);
    if (status >= 300) throw new Error(`POST ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer as Record<string, unknown>;
  }

  async request(path: string, body?: object): Promise<{ status: number; answer: unknown }> {
    const began = performance.now();
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/v1${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (body === undefined) this.slowestApiMs = Math.max(this.slowestApiMs, performance.now() - began);
    return { status: response.status, answer };
  }

  async runCommand(
    given: readonly string[],
  ): Promise<{ code: number | null; answer: unknown; stderr: string }> {
    const command = [...given, '--json'];
    const began = performance.now();
    const ended = await new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      execFile(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', main, ...command],
        {
          env: { ...inheritedEnvironment(), ...this.#settings, ORDER_SYNC_PORT: String(this.#port) },
          signal: this.#check.signal,
          maxBuffer: 64 * 1024 * 1024,
        },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
          resolve({ code, stdout, stderr });
        },
      );
    });
    this.slowestCommandMs = Math.max(this.slowestCommandMs, performance.now() - began);
    const { code, stdout, stderr } = ended;
    try {
      return { code, answer: parsed(stdout), stderr };
    } catch {
      throw new Error(`order-sync ${command.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    }
  }

  #compare(what: string, by: string, answer: unknown, expected: unknown): void {
    this.answers++;
    if (isDeepStrictEqual(answer, expected)) return;
    this.#tell(what, by, `${JSON.stringify(answer)}, expected ${JSON.stringify(expected)}`);
  }

  #tell(what: string, by: string, fault: string): void {
    this.wrong++;
    this.#check.progress(`wrong: ${what}, by ${by}: ${fault}`);
  }
}

/** One document or array of JSON, or lines of JSON. */
function parsed(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }
}

/** The rows of a list; any other answer is given as it is. */
function rowsOf(answer: unknown): unknown {
  const { data, page } = (answer ?? {}) as { data?: unknown; page?: unknown };
  return Array.isArray(data) || page !== undefined ? data : answer;
}
