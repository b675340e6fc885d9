/** The product's programs, as a user would start them: processes of their own, with settings by environment. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../services/index.ts';
import type { RunningCheck } from './command.ts';
import { waitFor } from './waiting.ts';

export type ProgramName = 'order-sync' | 'order-mgt';

const repository = join(import.meta.dirname, '..', '..', '..');
const OWN_SETTINGS =
  /^(ORDER_SYNC_|ORDER_MGT_|EVENT_PRODUCER_|TRIBUTARY_|KAFKA_|DATABASE_(URL|TLS)|PORT$|ORDER_TOPIC$|PAYMENT_TOPIC$)/;
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** Runs a command of the program to its end; rejects with its output if it fails. */
export async function runToEnd(
  name: ProgramName,
  command: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const script = join(repository, 'src', 'apps', name, 'main.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, ...command],
    { env: { ...inheritedEnvironment(), ...settings } },
  );
  return stdout;
}

/** A check is about the settings that it names, not about those of the shell that it is started from. */
function inheritedEnvironment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([variable]) => !OWN_SETTINGS.test(variable));
  return Object.fromEntries(inherited) as Record<string, string>;
}

/** A program with its settings; started and killed as often as a check likes. */
export class Program {
  readonly name: ProgramName;
  /** Names this instance in progress lines and logs. */
  readonly label: string;
  readonly port: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #logFile: string;
  readonly #check: RunningCheck;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #lastExit = 'it never ran';

  /** Takes a free port, and a log file in `folder`. What runs at the end of the check is killed then. */
  static async create(
    check: RunningCheck,
    name: ProgramName,
    label: string,
    folder: string,
    settings: Readonly<Record<string, string>>,
  ): Promise<Program> {
    const program = new Program(check, name, label, folder, settings, await freePort());
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
  ) {
    this.#check = check;
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
    if (this.#child !== null) throw new Error(`${this.label} is running already`);
    const log = openSync(this.#logFile, 'a');
    const script = join(repository, 'src', 'apps', this.name, 'main.ts');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
      stdio: ['ignore', log, log],
      env: this.#environment,
      // Ctrl-C is for the check, which then ends its programs itself.
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

  /** Resolves when the program says that it is ready; rejects with the end of its log if it ends before. */
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

  /** SIGKILL: nothing of the program runs after this, not even its own clean-up. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** SIGTERM, as an operator would; SIGKILL if that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** All that the program has logged so far. */
  logText(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** How the program ended last, and the end of its log. */
  logTail(): string {
    try {
      const lines = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n');
      return `${lines.slice(-20).join('\n').slice(-4_000)}\n(${this.#lastExit})`;
    } catch {
      return `(no log; ${this.#lastExit})`;
    }
  }
}
