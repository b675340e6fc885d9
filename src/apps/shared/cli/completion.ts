import type { Command } from 'commander';
import { TributaryError } from '../../../core/errors.ts';
import { addExamples } from './help.ts';
import type { CliHost } from './spec.ts';
import { suggest } from './suggest.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Adds `completion`. */
export function addCompletionCommand(root: Command, host: CliHost): void {
  const command = root
    .command('completion')
    .description('Print a completion script for your shell.')
    .argument('<shell>', SHELLS.join(', '));
  addExamples(command, [
    [`source <(${root.name()} completion bash)`, 'Complete words in this bash'],
    [
      `${root.name()} completion fish > ~/.config/fish/completions/${root.name()}.fish`,
      'Complete words in every fish',
    ],
  ]);
  command.action((shell: string) => {
    const script = completionScript(root, shell);
    if (script === null) {
      const nearest = suggest(shell, SHELLS);
      throw new TributaryError(
        'usage',
        `"${shell}" is no shell with completion: ${nearest === null ? `give one of ${SHELLS.join(', ')}` : `did you mean ${nearest}?`}`,
      );
    }
    host.stdout.write(script);
  });
}

/** A script that completes the program's commands and long options. Null if the shell is unknown. */
export function completionScript(root: Command, shell: string): string | null {
  const commands = listCommands(root);
  if (shell === 'bash') return bashScript(root.name(), commands);
  if (shell === 'zsh') return zshScript(root.name(), commands);
  if (shell === 'fish') return fishScript(root.name(), commands);
  return null;
}

interface Completions {
  /** The words of the command, or an empty text for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
}

function listCommands(command: Command, path: readonly string[] = []): Completions[] {
  const help = command.createHelp();
  const words = [
    ...help.visibleCommands(command).map((child) => ({ word: child.name(), help: child.description() })),
    ...help.visibleOptions(command).flatMap((option) => {
      return option.long === undefined || option.long === null
        ? []
        : [{ word: option.long, help: option.description }];
    }),
  ];
  const own = { path: path.join(' '), words };
  return [own, ...command.commands.flatMap((child) => listCommands(child, [...path, child.name()]))];
}

function bashScript(program: string, commands: readonly Completions[]): string {
  const name = `_${program.replaceAll('-', '_')}_completion`;
  const cases = innermostFirst(commands).map(
    (command) => `    ${patternOf(command)}) words="$words ${wordsOf(command)}" ;;`,
  );
  return [
    `${name}() {`,
    `  local words="${wordsOf(commands[0])}"`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own expansion, not ours.
    '  case "${COMP_WORDS[*]:1:COMP_CWORD-1}" in',
    ...cases,
    '  esac',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own expansion, not ours.
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    `complete -o default -F ${name} ${program}`,
    '',
  ].join('\n');
}

/** The commands without the program itself. A shell takes the first case that matches, so a group comes after its commands. */
function innermostFirst(commands: readonly Completions[]): Completions[] {
  const depthOf = ({ path }: Completions) => path.split(' ').length;
  return commands.filter(({ path }) => path !== '').toSorted((left, right) => depthOf(right) - depthOf(left));
}

/** The pattern of the words before the cursor: the whole command, and perhaps others behind it. */
function patternOf({ path }: Completions): string {
  return `"${path}"|"${path} "*`;
}

function zshScript(program: string, commands: readonly Completions[]): string {
  const name = `_${program.replaceAll('-', '_')}`;
  const cases = innermostFirst(commands).map(
    (command) => `    ${patternOf(command)}) candidates+=(${describe(command)}) ;;`,
  );
  return [
    `#compdef ${program}`,
    `${name}() {`,
    '  local -a candidates',
    `  candidates=(${describe(commands[0])})`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own expansion, not ours.
    '  case "${words[2,CURRENT-1]}" in',
    ...cases,
    '  esac',
    "  _describe 'command' candidates",
    '  _files',
    '}',
    `compdef ${name} ${program}`,
    '',
  ].join('\n');
}

function fishScript(program: string, commands: readonly Completions[]): string {
  return `${commands
    .flatMap(({ path, words }) =>
      words.map(({ word, help }) => {
        const condition =
          path === ''
            ? ''
            : ` -n '${path
                .split(' ')
                .map((part) => `__fish_seen_subcommand_from ${part}`)
                .join('; and ')}'`;
        const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
        return `complete -c ${program}${condition} ${what} -d ${quote(help)}`;
      }),
    )
    .join('\n')}\n`;
}

function wordsOf(command: Completions | undefined): string {
  return (command?.words ?? []).map(({ word }) => word).join(' ');
}

function describe(command: Completions | undefined): string {
  return (command?.words ?? [])
    .map(({ word, help }) => quote(`${word}:${help.replaceAll(':', '\\:')}`))
    .join(' ');
}

/** The text, quoted as one word of a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
