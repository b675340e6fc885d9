/** Starts the product's programs as a user does: as processes of their own, with settings in the environment. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { programFlags } from '../../helpers/program-flags.ts';
import { freePort } from '../../services/index.ts';
import type { RunningCheck } from './command.ts';
import { waitFor } from './waiting.ts';

export type ProgramName = 'order-sync' | 'order-mgt';
/** Programs that run to their end. */
type CommandName = ProgramName | 'event-producer';

const repository = join(import.meta.dirname, '..', '..', '..');
const OWN_SETTINGS =
  /^(ORDER_SYNC_|ORDER_MGT_|EVENT_PRODUCER_|TRIBUTARY_|KAFKA_|DATABASE_(URL|TLS)|PORT$|(ORDER|PAYMENT)_(TOPIC|SOURCE)|SCHEMA_)/;
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** Runs a command of the program to its end. Rejects with its output if it fails. */
export async function runToEnd(
  name: CommandName,
  command: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const script = join(repository, 'src', 'apps', name, 'main.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [...programFlags(), script, ...command], {
    env: { ...inheritedEnvironment(), ...settings },
  });
  return stdout;
}

/** Returns the environment of this process without the product's settings, so that only the check sets those. */
export function inheritedEnvironment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([variable]) => !OWN_SETTINGS.test(variable));
  return Object.fromEntries(inherited) as Record<string, string>;
}

/** A program with its settings. A check may start and kill it many times. */
export class Program {
  readonly name: ProgramName;
  /** The name of this instance in progress lines and logs. */
  readonly label: string;
  readonly port: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #logFile: string;
  /** What Node is started with. */
  readonly #words: readonly string[];
  readonly #check: RunningCheck;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #lastExit = 'it never ran';

  /**
   * Chooses a free port, and a log file in `folder`. The program is killed at the end of the check. `checkout` has the sources
   * that it runs.
   */
  static async create(
    check: RunningCheck,
    name: ProgramName,
    label: string,
    folder: string,
    settings: Readonly<Record<string, string>>,
    checkout: string = repository,
  ): Promise<Program> {
    const program = new Program(check, name, label, folder, settings, await freePort(), checkout);
    check.defer(() => program.kill());
    return program;
  }

  private constructor(
    check: RunningCheck,
    name: ProgramName,
    label: string,
    folder: string,
    settings: Readonly<Record<string, string>>,
    port: number,
    checkout: string,
  ) {
    this.#check = check;
    this.#words = [...programFlags(checkout), join(checkout, 'src', 'apps', name, 'main.ts')];
    this.name = name;
    this.label = label;
    this.port = port;
    this.#logFile = join(folder, `${label}.log`);
    const portVariable = name === 'order-sync' ? 'ORDER_SYNC_PORT' : 'ORDER_MGT_PORT';
    this.#environment = {
      ...inheritedEnvironment(),
      LOG_LEVEL: 'warn',
      [portVariable]: String(port),
      ...settings,
    };
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.label} is not running`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  start(): void {
    if (this.#child !== null) throw new Error(`${this.label} is already running`);
    const log = openSync(this.#logFile, 'a');
    const child = spawn(process.execPath, this.#words, {
      stdio: ['ignore', log, log],
      env: this.#environment,
      // Ctrl-C must reach only the check, which then ends its programs itself.
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    const orphaned = () => child.kill('SIGKILL');
    process.once('exit', orphaned);
    this.#exited = new Promise((resolve) => {
      const ended = (cause: unknown, signal?: unknown) => {
        this.#lastExit = `it ended by ${signal ?? cause}`;
        if (this.#child === child) this.#child = null;
        process.off('exit', orphaned);
        resolve();
      };
      child.once('error', ended);
      child.once('exit', ended);
    });
  }

  /** Resolves when the program answers that it is ready. Rejects with the end of its log if it ends before. */
  async ready(): Promise<void> {
    await waitFor(
      {
        what: `${this.label} to be ready; its log ends:\n${this.logTail()}`,
        pauseMs: 50,
        timeoutMs: READY_TIMEOUT_MS,
        signal: this.#check.signal,
      },
      async () => {
        this.assertRunning();
        const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => undefined);
        await answer?.arrayBuffer();
        return answer?.ok === true ? true : undefined;
      },
    );
  }

  /** Throws, with the end of the log, if the program has ended by itself. */
  assertRunning(): void {
    if (this.#child === null)
      throw new Error(`${this.label} has ended by itself; its log ends:\n${this.logTail()}`);
  }

  /** Sends SIGKILL, so not even the program's clean-up runs, and waits until the process has ended. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** Sends SIGTERM, as an operator would, and SIGKILL if the program does not end in time. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Returns the program's log so far. */
  logText(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** Returns the end of the program's log, and how the program ended. */
  logTail(): string {
    try {
      const lines = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n');
      return `${lines.slice(-20).join('\n').slice(-4_000)}\n(${this.#lastExit})`;
    } catch {
      return `(no log; ${this.#lastExit})`;
    }
  }
}
