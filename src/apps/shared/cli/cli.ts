import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { Command, CommanderError, Option } from 'commander';
import { isDefect, messageOf, TributaryError } from '../../../core/errors.ts';
import type { Logger } from '../../../ports/logger.ts';
import { createLogger, hasColor } from '../process/logging.ts';
import { keepFilesPrivate } from '../process/private-files.ts';
import { redact } from '../process/redact.ts';
import { createShutdown, type Shutdown } from '../process/shutdown.ts';
import {
  type LoadedSettings,
  loadSettings,
  type ProgramName,
  type SettingEntry,
  type SettingsOf,
  tableOf,
} from '../settings/load.ts';
import { versionOf, wordsOf } from './command-line.ts';
import { completionScript, SHELLS } from './completion.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { createOutput, type Output, type OutputFormat } from './output.ts';
import { suggest } from './suggest.ts';
import { toUsageError } from './usage-errors.ts';

/** What a program takes from its process; only its main reads the environment. */
export interface CliHost {
  /** Without the names of Node and of the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  readonly exit: (code: number) => void;
}

/** What a command works with. `shutdown` is stopped for it after it has returned or thrown. */
export interface CommandContext<Program extends ProgramName> {
  readonly settings: SettingsOf<Program>;
  readonly output: Output;
  readonly log: Logger;
  readonly shutdown: Shutdown;
  readonly host: CliHost;
  /** No progress and no notes. */
  readonly isQuiet: boolean;
  /** Tells people a sentence on stderr, unless they want none. */
  readonly note: (sentence: string) => void;
}

export interface CommandSpec<Program extends ProgramName> {
  /** The word that stands before the name, as `keys` does in `keys make`; commands may share it. */
  readonly group?: { readonly name: string; readonly summary: string };
  readonly name: string;
  readonly summary: string;
  /** Two to four complete command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** As commander writes them: `<file>`, `[pairs...]`. */
  readonly arguments?: readonly (readonly [syntax: string, help: string])[];
  readonly options?: readonly (readonly [flags: string, help: string])[];
  /** Run when the command line names no command. */
  readonly isDefault?: boolean;
  /** Resolves with the exit code. `options` are those of the spec, by camelCase name. */
  run(context: CommandContext<Program>, input: CommandInput): Promise<number>;
}

export interface CommandInput {
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

export interface CliSpec<Program extends ProgramName> {
  readonly program: Program;
  readonly summary: string;
  readonly examples: CommandSpec<Program>['examples'];
  readonly commands: readonly CommandSpec<Program>[];
}

const STOP_DEADLINE_MS = 20_000;

/**
 * Runs one program's command line to its end and resolves with the exit code: 0 ok, 1 failure, 2 usage, 3
 * settings, 4 unreachable, 5 partial, 130 and 143 after SIGINT and SIGTERM. Every program gets the same options
 * for output, verbosity and settings, and the commands `config show` and `completion`. Errors go to stderr as
 * one sentence, or as one JSON problem (RFC 9457) where JSON was asked for.
 */
export async function runCli<Program extends ProgramName>(
  spec: CliSpec<Program>,
  host: CliHost,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  keepFilesPrivate();
  // The reader of a pipe may have seen enough (`| head`): nothing is wrong then, and nothing is left to do.
  for (const stream of [host.stdout, host.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      host.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure);
    });
  }
  const root = buildRoot(spec, host, (code) => {
    exitCode = code;
  });
  try {
    const argv = wordsOf(spec.program, root, host);
    await root.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const failure =
      error instanceof CommanderError ? toUsageError(error, root, spec.program, host.argv, host.env) : error;
    reportError(failure, host, wantsJson(host.argv), spec.program);
    return exitCodeOf(failure);
  }
}

function buildRoot<Program extends ProgramName>(
  spec: CliSpec<Program>,
  host: CliHost,
  setExitCode: (code: number) => void,
): Command {
  const root = new Command(spec.program)
    .description(spec.summary)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      // The error is reported once, by `reportError`.
      writeErr: () => {},
    })
    .helpCommand(false)
    .version(`${spec.program} ${versionOf()}`, '-V, --version', 'The version of this program.')
    .addOption(
      new Option('-o, --output <format>', 'Form of what goes to stdout.')
        .choices(['text', 'json', 'jsonl'])
        .default('text'),
    )
    .option('--json', 'Short for --output json.')
    .option('-q, --quiet', 'Only errors on stderr.')
    .option('-v, --verbose', 'More on stderr, and stack traces.');
  addExamples(root, spec.examples);
  for (const option of settingOptions(spec.program)) root.addOption(option);

  for (const commandSpec of spec.commands) {
    const parent = parentOf(root, commandSpec);
    const command = parent.command(commandSpec.name, { isDefault: commandSpec.isDefault ?? false });
    command.description(commandSpec.summary);
    addExamples(command, commandSpec.examples);
    for (const [syntax, help] of commandSpec.arguments ?? []) command.argument(syntax, help);
    for (const [flags, help] of commandSpec.options ?? []) command.option(flags, help);
    command.action(async () => {
      const context = openContext(spec.program, command, host);
      setExitCode(await runCommand(commandSpec, context, command));
    });
  }
  addConfigCommand(root, spec.program, host);
  addCompletionCommand(root, host);
  return root;
}

/** The program itself, or the group of the command, which its first command makes. */
function parentOf(root: Command, { group, examples }: CommandSpec<ProgramName>): Command {
  if (group === undefined) return root;
  const known = root.commands.find((command) => command.name() === group.name);
  if (known !== undefined) return known;
  const made = root.command(group.name).description(group.summary);
  addExamples(made, examples);
  return made;
}

async function runCommand<Program extends ProgramName>(
  spec: CommandSpec<Program>,
  context: CommandContext<Program>,
  command: Command,
): Promise<number> {
  const { shutdown } = context;
  try {
    const code = await spec.run(context, { arguments: command.args, options: command.opts() });
    await shutdown.stop();
    return shutdown.exitCode() ?? code;
  } catch (error) {
    await shutdown.stop();
    const interrupted = shutdown.exitCode();
    // What was cut short by the user's own signal is no news to the user.
    if (interrupted !== null && !(error instanceof TributaryError)) return interrupted;
    throw error;
  }
}

function openContext<Program extends ProgramName>(
  program: Program,
  command: Command,
  host: CliHost,
): CommandContext<Program> {
  const options = command.optsWithGlobals();
  const { values, warnings } = loadFrom(program, command, host);
  const level = options.quiet === true ? 'error' : options.verbose === true ? 'debug' : values.logLevel;
  const log = createLogger({
    program,
    level,
    stream: host.stderr,
    isPretty: host.stderr.isTTY === true,
    hasColor: hasColor(host.stderr, values),
  });
  for (const warning of warnings) log('warn', warning);
  return {
    settings: values,
    output: createOutput(host.stdout, formatOf(command)),
    log,
    shutdown: createShutdown({
      log,
      signals: host.signals,
      exit: host.exit,
      deadlineMs: STOP_DEADLINE_MS,
    }),
    host,
    isQuiet: options.quiet === true,
    note(sentence) {
      if (options.quiet !== true) host.stderr.write(`${sentence}\n`);
    },
  };
}

/** One option for each setting that has a flag. */
function settingOptions(program: ProgramName): Option[] {
  return Object.values(tableOf(program)).flatMap((setting) => {
    if (setting.flag === null) return [];
    const value = setting.kind === 'boolean' ? '[boolean]' : '<value>';
    const help = `${setting.help} (${setting.env}, default: ${setting.fallbackText})`;
    return [new Option(`--${setting.flag} ${value}`, help).helpGroup('Settings:')];
  });
}

function loadFrom<Program extends ProgramName>(
  program: Program,
  command: Command,
  host: CliHost,
): LoadedSettings<Program> {
  const options = command.optsWithGlobals();
  const flags: Record<string, string | boolean | undefined> = {};
  for (const [key, setting] of Object.entries(tableOf(program))) {
    if (setting.flag === null) continue;
    flags[key] = options[new Option(`--${setting.flag}`).attributeName()];
  }
  return loadSettings(program, { env: host.env, flags });
}

function formatOf(command: Command): OutputFormat {
  const options = command.optsWithGlobals();
  return options.json === true ? 'json' : options.output;
}

function addExamples(command: Command, examples: CommandSpec<ProgramName>['examples']): void {
  const lines = examples.map(([line, meaning]) => `  # ${meaning}\n  ${line}`);
  command.addHelpText('before', `Examples:\n${lines.join('\n')}\n`);
}

function addConfigCommand(root: Command, program: ProgramName, host: CliHost): void {
  const config = root.command('config').description('The settings of this program.');
  const show = config
    .command('show')
    .description('Every setting, its value (secrets masked) and its source.');
  addExamples(show, [
    [`${program} config show`, 'What this program would run with, here and now'],
    [`${program} config show --json`, 'The same for a program'],
  ]);
  show.action(async () => {
    const { entries } = loadFrom(program, show, host);
    await createOutput(host.stdout, formatOf(show)).document(entries, entryTable(entries));
  });
}

function entryTable(entries: readonly SettingEntry[]): string {
  const nameWidth = Math.max(...entries.map((entry) => entry.name.length));
  const valueWidth = Math.max(...entries.map((entry) => entry.value.length));
  return entries
    .map((entry) => {
      const source = entry.source === 'default' ? 'default' : `${entry.source} (${entry.from})`;
      return `${entry.name.padEnd(nameWidth)}  ${entry.value.padEnd(valueWidth)}  ${source}`;
    })
    .join('\n');
}

function addCompletionCommand(root: Command, host: CliHost): void {
  const command = root
    .command('completion')
    .description('A completion script for your shell.')
    .argument('<shell>', SHELLS.join(', '));
  addExamples(command, [
    [`source <(${root.name()} completion bash)`, 'Completion in this bash'],
    [
      `${root.name()} completion fish > ~/.config/fish/completions/${root.name()}.fish`,
      'Completion in every fish',
    ],
  ]);
  command.action((shell: string) => {
    const script = completionScript(root, shell);
    if (script === null) {
      const nearest = suggest(shell, SHELLS);
      throw new TributaryError(
        'usage',
        `"${shell}" is not a shell that has completion here: ${nearest === null ? `give one of ${SHELLS.join(', ')}` : `did you mean ${nearest}?`}`,
      );
    }
    host.stdout.write(script);
  });
}

/** Read from the raw words, since an error may come before the options are known. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some((word, index) => {
    const value =
      word === '-o' || word === '--output' ? argv[index + 1] : word.replace(/^(-o|--output=)/, '');
    return word === '--json' || (word !== value && (value === 'json' || value === 'jsonl'));
  });
}

/** Adapters know no settings: where a server does not answer, the one that names it is said here. */
function settingHint({ code, message }: TributaryError, program: ProgramName): string {
  const database = program === 'order-mgt' ? 'ORDER_MGT_DATABASE_URL' : 'DATABASE_URL';
  if (code === 'log_unreachable' && message.includes('Kafka') && !message.includes('KAFKA_'))
    return ' See whether Kafka runs there, and look at KAFKA_BROKERS, KAFKA_TLS and KAFKA_SASL_*.';
  if (code === 'store_unreachable' && !message.includes('DATABASE_URL') && !message.includes('sqlite'))
    return ` See whether the server runs, and look at ${database}.`;
  return '';
}

function reportError(error: unknown, host: CliHost, isJson: boolean, program: ProgramName): void {
  const isOurs = error instanceof TributaryError;
  const detail = redact(`${messageOf(error)}${isOurs ? settingHint(error, program) : ''}`);
  const needsStack = !isOurs || isDefect(error);
  const code = isOurs ? error.code : isDefect(error) ? 'defect' : 'unexpected';
  if (isJson) {
    const problem = {
      type: `docs/errors.md#${code}`,
      title: code,
      detail,
      code,
      exitCode: exitCodeOf(error),
      ...(needsStack ? { stack: redact(stackOf(error)) } : {}),
    };
    host.stderr.write(`${JSON.stringify(problem)}\n`);
    return;
  }
  host.stderr.write(`error: ${detail}\n`);
  const wantsStack = host.argv.includes('-v') || host.argv.includes('--verbose');
  if (needsStack || wantsStack) host.stderr.write(`${redact(stackOf(error))}\n`);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
