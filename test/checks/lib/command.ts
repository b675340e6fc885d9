/** What every check command has in common: options, progress, clean-up whatever happens, and the RESULT line. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export type Figures = Readonly<Record<string, unknown>> & { readonly ok: boolean };

export interface CommandOption {
  readonly name: string;
  readonly value: string;
  readonly fallback: string;
  readonly help: string;
}

export interface CheckCommand {
  /** As in `npm run check:<name>`. */
  readonly name: string;
  /** How it is called, if otherwise. */
  readonly invocation?: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly options: readonly CommandOption[];
  run(check: RunningCheck): Promise<Figures>;
}

/** One run of a check. What is deferred happens at its end, the last first, also after an error or Ctrl-C. */
export class RunningCheck {
  readonly #values: ReadonlyMap<string, string>;
  readonly #closers: (() => Promise<void> | void)[] = [];
  readonly #startedAt = performance.now();
  readonly #stop = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** Aborts when the run is to end early; every long wait of a check heeds it. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  text(option: string): string {
    const value = this.#values.get(option);
    if (value === undefined) throw new Error(`The check has no option --${option}`);
    return value;
  }

  number(option: string): number {
    const value = Number(this.text(option));
    if (this.text(option).trim() === '' || !Number.isFinite(value) || value < 0) {
      throw new UsageError(`--${option} takes a number, not "${this.text(option)}"`);
    }
    return value;
  }

  choice<Choice extends string>(option: string, choices: readonly Choice[]): Choice {
    const value = choices.find((choice) => choice === this.text(option));
    if (value === undefined) {
      throw new UsageError(`--${option} takes one of ${choices.join(', ')}, not "${this.text(option)}"`);
    }
    return value;
  }

  /** One line on stderr, with the seconds since the start. */
  progress(line: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1_000).toFixed(1);
    process.stderr.write(`[${seconds.padStart(6)} s] ${line}\n`);
  }

  /** Closes at the end of the run, or when the answer is called; once. */
  defer(close: () => Promise<void> | void): () => Promise<void> {
    let closing: Promise<void> | undefined;
    const closeOnce = () => {
      closing ??= Promise.resolve(close());
      return closing;
    };
    this.#closers.push(closeOnce);
    return closeOnce;
  }

  /** A folder of this run alone. */
  temporaryFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-check-'));
    this.defer(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  interrupt(): void {
    this.#stop.abort(new Error('Interrupted'));
  }

  /** May be called twice: the second call waits for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #closeAll(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        this.progress(`Cleaning up: ${messageOf(error)}`);
      }
    }
  }
}

/** What was typed is wrong: only its message is printed, and the check ends with 2. */
export class UsageError extends Error {}

/** Runs the command with the process's arguments and ends the process: 0 if the figures are ok, 1 if not. */
export async function runCommand(command: CheckCommand): Promise<never> {
  const values = parseOptions(command);
  const check = new RunningCheck(values);
  let interruptions = 0;
  let code = 1;
  for (const [name, number] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(name, () => {
      if (++interruptions > 1) process.exit(number);
      process.stderr.write('Stopping; once more stops at once.\n');
      code = number;
      check.interrupt();
      // Work that does not heed the signal is stopped by taking away what it works on.
      void check.close().then(() => process.exit(number));
    });
  }
  try {
    const figures = await command.run(check);
    await check.close();
    if (interruptions === 0) {
      process.stdout.write(`RESULT ${JSON.stringify(figures)}\n`);
      code = figures.ok ? 0 : 1;
    }
  } catch (error) {
    await check.close();
    if (error instanceof UsageError) fail(error.message);
    if (interruptions === 0) {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.stdout.write(`RESULT ${JSON.stringify({ error: messageOf(error), ok: false })}\n`);
    }
  }
  process.exit(code);
}

function parseOptions(command: CheckCommand): Map<string, string> {
  const options = Object.fromEntries(command.options.map(({ name }) => [name, { type: 'string' as const }]));
  let given: Record<string, unknown> = {};
  try {
    given = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    const called = command.invocation ?? `npm run check:${command.name} --`;
    fail(`${messageOf(error)}\nSee: ${called} --help`);
  }
  if (given.help === true) {
    process.stdout.write(helpOf(command));
    process.exit(0);
  }
  return new Map(command.options.map(({ name, fallback }) => [name, String(given[name] ?? fallback)]));
}

function helpOf(command: CheckCommand): string {
  const lines = command.examples.map((example) => `  ${example}`);
  lines.push('', command.summary, '');
  for (const { name, value, help, fallback } of command.options) {
    lines.push(`  --${`${name} <${value}>`.padEnd(34)}${help} (default: ${fallback})`);
  }
  lines.push('', 'Progress goes to stderr; stdout ends with one line, RESULT and JSON. See docs/checks.md.');
  return `${lines.join('\n')}\n`;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
