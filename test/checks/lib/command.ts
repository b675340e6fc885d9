/** The common parts of all check commands: options, progress, clean-up in every case, and the RESULT line. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export type Figures = Readonly<Record<string, unknown>> & { readonly ok: boolean };

export interface CommandOption {
  readonly name: string;
  /** What the option takes; empty for an option that is only given or not. */
  readonly value: string;
  readonly fallback: string;
  readonly help: string;
}

export interface CheckCommand {
  /** The name in `npm run check:<name>`. */
  readonly name: string;
  /** The command line, if it is not `npm run check:<name>`. */
  readonly invocation?: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly options: readonly CommandOption[];
  /** What the words after the options name. Without it there may be none. */
  readonly words?: string;
  run(check: RunningCheck): Promise<Figures>;
}

/** One run of a check. Deferred calls run at its end, the last one first, also after an error or Ctrl-C. */
export class RunningCheck {
  readonly #values: ReadonlyMap<string, string>;
  /** The words of the command line that belong to no option. */
  readonly words: readonly string[];
  readonly #closers: (() => Promise<void> | void)[] = [];
  readonly #startedAt = performance.now();
  readonly #stop = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(values: ReadonlyMap<string, string>, words: readonly string[] = []) {
    this.#values = values;
    this.words = words;
  }

  /** Aborts when the run must end early. Every long wait of a check ends then. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  text(option: string): string {
    const value = this.#values.get(option);
    if (value === undefined) throw new Error(`The check has no option --${option}`);
    return value;
  }

  /** Whether an option without a value was given. */
  isGiven(option: string): boolean {
    return this.text(option) === 'true';
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

  /** Writes a line to stderr, with the seconds since the start. */
  progress(line: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1_000).toFixed(1);
    process.stderr.write(`[${seconds.padStart(6)} s] ${line}\n`);
  }

  /** Calls `close` once: at the end of the run, or when the returned function is called before. */
  defer(close: () => Promise<void> | void): () => Promise<void> {
    let closing: Promise<void> | undefined;
    const closeOnce = () => {
      closing ??= Promise.resolve(close());
      return closing;
    };
    this.#closers.push(closeOnce);
    return closeOnce;
  }

  /** Makes a folder, which is deleted at the end of the run. */
  temporaryFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-check-'));
    this.defer(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  interrupt(): void {
    this.#stop.abort(new Error('Interrupted'));
  }

  /** Runs the deferred calls. A second call waits for the first. */
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

/** The command line is wrong. The check prints only the message, and ends with 2. */
export class UsageError extends Error {}

/** Runs the command with the process's arguments. Ends the process with 0 if the figures are ok, else with 1. */
export async function runCommand(command: CheckCommand): Promise<never> {
  const { values, words } = parseOptions(command);
  const check = new RunningCheck(values, words);
  let interruptions = 0;
  let code = 1;
  for (const [name, number] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(name, () => {
      if (++interruptions > 1) process.exit(number);
      process.stderr.write('Stopping. Press Ctrl-C again to stop without clean-up.\n');
      code = number;
      check.interrupt();
      // Closing everything stops work that does not listen to the signal.
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

function parseOptions(command: CheckCommand): { values: Map<string, string>; words: readonly string[] } {
  const options = Object.fromEntries(
    command.options.map(({ name, value }) => [
      name,
      { type: value === '' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  let given: Record<string, unknown> = {};
  let words: readonly string[] = [];
  try {
    const parsed = parseArgs({
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: command.words !== undefined,
    });
    given = parsed.values;
    words = parsed.positionals;
  } catch (error) {
    const called = command.invocation ?? `npm run check:${command.name} --`;
    fail(`${messageOf(error)}\nSee: ${called} --help`);
  }
  if (given.help === true) {
    process.stdout.write(helpOf(command));
    process.exit(0);
  }
  const values = new Map(
    command.options.map(({ name, fallback }) => [name, String(given[name] ?? fallback)]),
  );
  return { values, words };
}

function helpOf(command: CheckCommand): string {
  const lines = command.examples.map((example) => `  ${example}`);
  lines.push('', command.summary, '');
  if (command.words !== undefined) lines.push(`  ${command.words}`);
  for (const { name, value, help, fallback } of command.options) {
    if (value === '') lines.push(`  --${name.padEnd(34)}${help}`);
    else lines.push(`  --${`${name} <${value}>`.padEnd(34)}${help} (default: ${fallback})`);
  }
  lines.push(
    '',
    'Progress goes to stderr. The last line of stdout is RESULT and a JSON object. See docs/checks.md.',
  );
  return `${lines.join('\n')}\n`;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
