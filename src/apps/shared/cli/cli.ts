import { Command, CommanderError, Option } from 'commander';
import { TributaryError } from '../../../core/errors.ts';
import type { Logger } from '../../../ports/logger.ts';
import { keepFilesPrivate } from '../process/private-files.ts';
import { createShutdown } from '../process/shutdown.ts';
import { exampleFor, inWordsOf, messageFor, sentenceFor } from '../settings/domain-words.ts';
import type { ProgramName } from '../settings/load.ts';
import { versionOf, wordsOf } from './command-line.ts';
import { addCompletionCommand } from './completion.ts';
import { addConfigCommand } from './config-command.ts';
import { reportError, wantsJson } from './error-report.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { addExamples } from './help.ts';
import { formatOf, loadFrom, settingOptions } from './options.ts';
import { createOutput } from './output.ts';
import type { CliHost, CliSpec, CommandContext, CommandExamples, CommandInput, CommandSpec } from './spec.ts';
import { toUsageError } from './usage-errors.ts';

const STOP_DEADLINE_MS = 20_000;

/**
 * Runs one program's command line to its end and resolves with the exit code: 0 ok, 1 failure, 2 usage, 3 settings,
 * 4 unreachable, 5 partial, 130 after SIGINT, 143 after SIGTERM. Gives every program the same options for output, verbosity
 * and settings, and the commands `config show` and `completion`. Writes an error to stderr as one sentence, or as one JSON
 * problem (RFC 9457) if the command line asks for JSON.
 */
export async function runCli<Program extends ProgramName>(
  spec: CliSpec<Program>,
  host: CliHost,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  keepFilesPrivate();
  // The reader of a pipe may close it when it has enough (`| head`). That is no error, and there is nothing left to do.
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
    const failure = error instanceof CommanderError ? toUsageError(error, root, spec, host) : error;
    reportError(failure, host, wantsJson(host.argv), spec);
    return exitCodeOf(failure);
  }
}

function buildRoot<Program extends ProgramName>(
  spec: CliSpec<Program>,
  host: CliHost,
  setExitCode: (code: number) => void,
): Command {
  const { subject } = spec;
  const name = subject?.synced.program ?? spec.program;
  const said = (text: string) => (subject === undefined ? text : inWordsOf(subject.synced, text));
  const typed = (examples: CommandExamples): CommandExamples =>
    subject === undefined
      ? examples
      : examples.map(([line, meaning]) => [
          exampleFor(subject.synced, subject.invocation, line),
          said(meaning),
        ]);
  const root = new Command(name)
    .description(spec.summary)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      // `reportError` reports the error, once.
      writeErr: () => {},
    })
    .helpCommand(false)
    .version(`${name} ${versionOf()}`, '-V, --version', 'The version of this program.')
    .addOption(
      new Option('-o, --output <format>', 'The form of the output on stdout.')
        .choices(['text', 'json', 'jsonl'])
        .default('text'),
    )
    .option('--json', 'The same as --output json.')
    .option('-q, --quiet', 'Write only errors to stderr.')
    .option('-v, --verbose', 'Write more to stderr, and stack traces.');
  addExamples(root, typed(spec.examples));
  for (const option of settingOptions(spec.program, subject)) root.addOption(option);

  for (const commandSpec of spec.commands) {
    const parent = parentOf(root, commandSpec, typed);
    const command = parent.command(commandSpec.name, { isDefault: commandSpec.isDefault ?? false });
    command.description(said(commandSpec.summary));
    addExamples(command, typed(commandSpec.examples));
    for (const [syntax, help] of commandSpec.arguments ?? []) command.argument(said(syntax), said(help));
    for (const [flags, help] of commandSpec.options ?? []) command.option(flags, said(help));
    command.action(async () => {
      const context = await openContext(spec, command, host);
      setExitCode(await runCommand(commandSpec, context, command));
    });
  }
  addConfigCommand(root, spec.program, host, subject);
  addCompletionCommand(root, host);
  return root;
}

/**
 * The parent of the command: its group, or the program. The first command of a group makes the group, unless the group is
 * a command that also works alone.
 */
function parentOf(
  root: Command,
  { group, examples }: CommandSpec<ProgramName>,
  typed: (examples: CommandExamples) => CommandExamples,
): Command {
  if (group === undefined) return root;
  const known = root.commands.find((command) => command.name() === group.name);
  if (known !== undefined) return known;
  const made = root.command(group.name).description(group.summary);
  addExamples(made, typed(examples));
  return made;
}

/**
 * The options of the command. A group that is also a command takes options that both know, wherever they stand on the
 * command line, so those are handed on. An option that only the group knows is refused.
 */
function optionsOf(command: Command): CommandInput['options'] {
  const group = command.parent;
  if (group === null || group.parent === null) return command.opts();
  const names = new Set(command.options.map((option) => option.attributeName()));
  const taken = group.options.filter(
    (option) => group.getOptionValueSource(option.attributeName()) === 'cli',
  );
  const foreign = taken.find((option) => !names.has(option.attributeName()));
  const path = `${group.name()} ${command.name()}`;
  if (foreign !== undefined)
    throw new TributaryError('usage', `${path} has no option ${foreign.long}. See ${path} --help.`);
  const handed = taken.map((option) => option.attributeName());
  const given = group.opts();
  return { ...Object.fromEntries(handed.map((name) => [name, given[name]])), ...command.opts() };
}

async function runCommand<Program extends ProgramName>(
  spec: CommandSpec<Program>,
  context: CommandContext<Program>,
  command: Command,
): Promise<number> {
  const { shutdown } = context;
  try {
    const code = await spec.run(context, { arguments: command.args, options: optionsOf(command) });
    await shutdown.stop();
    return shutdown.exitCode() ?? code;
  } catch (error) {
    await shutdown.stop();
    const interrupted = shutdown.exitCode();
    // The user's own signal cut the work short, so an error of that is no news.
    if (interrupted !== null && !(error instanceof TributaryError)) return interrupted;
    throw error;
  }
}

async function openContext<Program extends ProgramName>(
  { program, subject }: CliSpec<Program>,
  command: Command,
  host: CliHost,
): Promise<CommandContext<Program>> {
  const options = command.optsWithGlobals();
  const { values, entries, warnings } = loadFrom(program, command, host, subject);
  const level = options.quiet === true ? 'error' : options.verbose === true ? 'debug' : values.logLevel;
  const { createLogger, hasColor } = await import('../process/logger.ts');
  const log = createLogger({
    program: subject?.synced.program ?? program,
    level,
    stream: host.stderr,
    isPretty: host.stderr.isTTY === true,
    hasColor: hasColor(host.stderr, values),
  });
  const logger: Logger =
    subject === undefined
      ? log
      : (level, message, fields) =>
          log(level, messageFor(subject.synced, subject.invocation, message), fields);
  for (const warning of warnings) logger('warn', warning);
  return {
    settings: values,
    settingEntries: entries,
    output: createOutput(host.stdout, formatOf(command)),
    logger,
    shutdown: createShutdown({
      logger,
      signals: host.signals,
      exit: host.exit,
      deadlineMs: STOP_DEADLINE_MS,
    }),
    host,
    isQuiet: options.quiet === true,
    note(sentence) {
      const said = subject === undefined ? sentence : sentenceFor(subject.synced, sentence);
      if (options.quiet !== true) host.stderr.write(`${said}\n`);
    },
  };
}
