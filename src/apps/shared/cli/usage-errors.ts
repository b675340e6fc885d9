import type { Command, CommanderError, Option } from 'commander';
import { TributaryError } from '../../../core/errors.ts';
import { type ProgramName, tableOf } from '../settings/load.ts';
import type { CliHost, CliSpec, CliSubject } from './spec.ts';
import { suggest } from './suggest.ts';

/**
 * The words that each program takes as its first word. By these a program tells a sibling's word from a misspelt one. A test
 * compares them with the programs' help.
 */
export const WORDS: Readonly<Record<ProgramName, readonly string[]>> = {
  'event-producer': ['publish', 'send', 'load', 'inspect', 'o', 'pa', 'par', 'paa', 'pad'],
  'order-sync': [
    'run',
    'status',
    'orders',
    'explain',
    'what-if',
    'stuck',
    'tail',
    'pause',
    'unpause',
    'holds',
    'verify',
    'rebuild',
    'adopt',
    'migrate',
    'take-group',
    'partitions',
    'resume',
    'quarantine',
    'parked',
    'unpark',
    'check-target',
    'dead-letters',
    'redrive',
    'jobs',
    'audit',
    'reconcile',
    'keys',
  ],
  'order-mgt': ['serve', 'migrate', 'keys'],
  tributary: ['start', 'init'],
};

/** The script in package.json that starts each program. */
const NPM_SCRIPT: Readonly<Record<ProgramName, string>> = {
  'event-producer': 'event-producer',
  'order-sync': 'order-sync',
  'order-mgt': 'order-mgt',
  tributary: 'start',
};

type Env = Readonly<Record<string, string | undefined>>;

/** Whether npm started the program. Then the environment names the script. */
export function isStartedByNpm(env: Env): boolean {
  return Object.values(NPM_SCRIPT).includes(env.npm_lifecycle_event ?? '');
}

/** The words that start a program, by npm or by its name, as this program was started. */
export function invocationOf(program: ProgramName, env: Env): string {
  if (!isStartedByNpm(env) && program !== 'tributary') return program;
  const script = NPM_SCRIPT[program];
  return `npm ${script === 'start' ? '' : 'run '}${script} --`;
}

/** The error for a first word that the program does not have. It names what was probably meant, or the words that there are. */
export function unknownWord(program: ProgramName, word: string, env: Env): TributaryError {
  const own = [...WORDS[program], 'config', 'completion', 'help', 'version'];
  const shown = `unknown command ${JSON.stringify(word.slice(0, 100))}`;
  const meant = siblingWith(program, word);
  if (meant === 'tributary') return usage(`${shown}: it is a program of its own: npm start`);
  if (meant === word)
    return usage(`${shown}: it is a program of its own: ${invocationOf(meant, env)} --help`);
  if (meant !== null) return usage(`${shown}: it is ${meant}'s: ${invocationOf(meant, env)} ${word}`);
  const nearest = suggest(word, own);
  if (nearest !== null)
    return usage(`${shown}: did you mean ${nearest}? (${invocationOf(program, env)} ${nearest})`);
  for (const sibling of siblingsOf(program)) {
    const near = suggest(word, longWords(sibling));
    if (near !== null) return usage(`${shown}: did you mean ${invocationOf(sibling, env)} ${near}?`);
  }
  return usage(`${shown}: ${program} has ${own.join(', ')}. See ${invocationOf(program, env)} --help.`);
}

/**
 * The same for the program of a domain of somebody else, which has no siblings. `plural`: the command that lists the entities, as
 * `orders` lists orders.
 */
function unknownForeignWord(
  root: Command,
  { invocation, synced: { plural } }: CliSubject,
  word: string,
): TributaryError {
  const shown = `unknown command ${JSON.stringify(word.slice(0, 100))}`;
  const own = root.commands.map((command) => command.name());
  const nearest = /^orders?$/.test(word) ? plural : suggest(word, own);
  return nearest === null
    ? usage(`${shown}: there are ${own.join(', ')}. See ${invocation} --help.`)
    : usage(`${shown}: did you mean ${nearest}? (${invocation} ${nearest})`);
}

/** The sibling program that has this word, or has it for its name. */
export function siblingWith(program: ProgramName, word: string): ProgramName | null {
  return siblingsOf(program).find((sibling) => sibling === word || WORDS[sibling].includes(word)) ?? null;
}

/** The words that a misspelt word may be near to. Words of two letters are near to everything. */
function longWords(program: ProgramName): string[] {
  return WORDS[program].filter((word) => word.length > 3);
}

function siblingsOf(program: ProgramName): ProgramName[] {
  return (Object.keys(WORDS) as ProgramName[]).filter((name) => name !== program);
}

/**
 * Commander's error as one sentence with the remedy. Commander looks at options before it looks at words, so it blames an
 * option of a misspelt command. Then this blames the word.
 */
export function toUsageError(
  error: CommanderError,
  root: Command,
  { program, subject }: Pick<CliSpec<ProgramName>, 'program' | 'subject'>,
  { argv, env }: Pick<CliHost, 'argv' | 'env'>,
): TributaryError {
  const { words, isBehindUnknown } = operandsOf(root, argv);
  const first = words[0];
  const takesWords = hasDefaultWithWords(root);
  const command = first === undefined ? undefined : root.commands.find((child) => child.name() === first);
  const isWordWrong = error.code === 'commander.unknownOption' || error.code === 'commander.excessArguments';
  if (isWordWrong && !isBehindUnknown && first !== undefined && command === undefined && !takesWords)
    return subject === undefined
      ? unknownWord(program, first, env)
      : unknownForeignWord(root, subject, first);

  const invocation = subject?.invocation ?? invocationOf(program, env);
  const path = command === undefined ? invocation : `${invocation} ${command.name()}`;
  const see = `See ${path} --help.`;
  if (error.code.startsWith('commander.help'))
    return usage(`Name a command: ${namesOf(command ?? root)}. ${see}`);
  if (error.code === 'commander.excessArguments' && command !== undefined) {
    const inner = suggest(
      words[1] ?? '',
      command.commands.map((child) => child.name()),
    );
    if (inner !== null)
      return usage(
        `unknown command ${JSON.stringify(`${command.name()} ${words[1]}`)}: did you mean ${command.name()} ${inner}? (${path} ${inner})`,
      );
    const most = command.registeredArguments.length;
    const extra = words.slice(1 + most).map((word) => JSON.stringify(word.slice(0, 100)));
    const takes =
      most === 0 ? 'takes no words after it' : `takes ${most} word${most === 1 ? '' : 's'} after it`;
    return usage(`${command.name()} ${takes}: ${extra.join(' ')} is too much. ${see}`);
  }
  if (error.code === 'commander.unknownCommand' && command !== undefined) {
    const given = words[1] ?? '';
    const nearest = suggest(
      given,
      command.commands.map((child) => child.name()),
    );
    return usage(
      `unknown command ${JSON.stringify(`${command.name()} ${given}`)}: ` +
        (nearest === null
          ? `there is ${namesOf(command)}.`
          : `did you mean ${command.name()} ${nearest}? (${path} ${nearest})`),
    );
  }
  const sentence = error.message
    .replace(/^error: /, '')
    // The value of an unknown option may be a secret, since secrets have no options.
    .replace(/^(unknown option '--[\w-]+)=.*'/s, "$1'")
    .replace(/\s*\n\s*/g, ' ')
    .replace(/^option '(.*)' argument missing$/, "the option '$1' has no value after it: give one")
    .replace(/^missing required argument '(.*)'$/, `${command?.name() ?? program} needs <$1> after it`);
  const option = /^unknown option '(--?[\w-]+)/.exec(sentence)?.[1];
  const hint =
    option === undefined
      ? null
      : (nounHint(option, subject?.synced.domain.noun, command) ?? optionHint(program, option, env));
  if (hint !== null) return usage(`unknown option '${option}': ${hint}`);
  return usage(sentence.includes('Did you mean') ? `${sentence}.` : `${sentence}. ${see}`);
}

/** The option that takes the id of an entity of any domain. Null if the unknown one is not called by the domain's noun. */
function nounHint(option: string, noun: string | undefined, command: Command | undefined): string | null {
  const takesId = command?.options.some(({ long }) => long === '--order') === true;
  const bare = option.replace(/^-+/, '').replace(/-?id$/, '');
  return takesId && noun !== undefined && bare === noun.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
    ? `the id of one ${noun} is given by --order.`
    : null;
}

/** Where an option belongs that the program does not have: in a variable, or to a sibling. Null if nobody knows it. */
function optionHint(program: ProgramName, option: string, env: Env): string | null {
  const bare = option.replace(/^-+/, '').toLowerCase();
  const asVariable = bare.replaceAll('-', '_').toUpperCase();
  const isIt = (name: string) => name === asVariable || name.endsWith(`_${asVariable}`);
  // A sibling's own option is nearer than one of this program whose name only ends like it.
  for (const sibling of siblingsOf(program)) {
    const setting = Object.values(tableOf(sibling)).find(({ flag }) => flag === bare);
    if (setting !== undefined)
      return `it is ${sibling}'s: ${invocationOf(sibling, env)} --${bare} ..., or set ${setting.env}.`;
  }
  for (const setting of Object.values(tableOf(program))) {
    if (!isIt(setting.env)) continue;
    if (setting.flag !== null) return `did you mean --${setting.flag}?`;
    return `every user of the machine can read a command line, so this has no option: set ${setting.env}${
      setting.fromFile ? `, or ${setting.env}_FILE to a file that holds it` : ''
    }.`;
  }
  return null;
}

/**
 * The words of a command line that are neither options nor their values. `isBehindUnknown` says that the first word may be the
 * value of an unknown option.
 */
function operandsOf(
  root: Command,
  argv: readonly string[],
): { readonly words: readonly string[]; readonly isBehindUnknown: boolean } {
  const words: string[] = [];
  let isBehindUnknown = false;
  let command = root;
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] as string;
    if (word === '--') {
      words.push(...argv.slice(index + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      command = command.commands.find((child) => child.name() === word) ?? command;
      words.push(word);
      continue;
    }
    const option = findOption(command, word);
    if (option === null && words.length === 0 && !word.includes('=')) isBehindUnknown = true;
    const next = argv[index + 1];
    if (option?.required || (option?.optional && next !== undefined && !next.startsWith('-'))) index++;
  }
  return { words, isBehindUnknown };
}

/** The option of this word. Null if it is unknown, or if its value stands in the same word. */
function findOption(command: Command, word: string): Option | null {
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const found = at.options.find((option) => option.long === word || option.short === word);
    if (found !== undefined) return found;
  }
  return null;
}

/** Whether the program takes words that name no command, as event-producer takes pairs. */
function hasDefaultWithWords(root: Command): boolean {
  const name = (root as unknown as { _defaultCommandName?: string | null })._defaultCommandName;
  const command = root.commands.find((child) => child.name() === name);
  return (command?.registeredArguments.length ?? 0) > 0;
}

function namesOf(command: Command): string {
  const prefix = command.parent === null ? '' : `${command.name()} `;
  return command.commands.map((child) => `${prefix}${child.name()}`).join(', ');
}

function usage(message: string): TributaryError {
  return new TributaryError('usage', message);
}
