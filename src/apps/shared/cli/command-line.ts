import type { Command } from 'commander';
import manifest from '../../../../package.json' with { type: 'json' };
import { TributaryError } from '../../../core/errors.ts';
import { type ProgramName, tableOf } from '../settings/load.ts';
import type { CliHost } from './spec.ts';
import { invocationOf, isStartedByNpm } from './usage-errors.ts';

export function versionOf(): string {
  return manifest.version;
}

/**
 * The words of the command line. Words that people try for help and version become the options that they mean. Throws
 * `usage` if npm kept an option for itself, because the program would then do something else than the user asked for.
 */
export function wordsOf(program: ProgramName, root: Command, host: CliHost): readonly string[] {
  refuseKeptOptions(program, root, host);
  const [first, ...rest] = host.argv;
  if (first === 'help') return [...rest, '--help'];
  if (first === '-help' || first === '-?' || first === '/?') return [...rest, '--help'];
  if (first === 'version' && rest.length === 0) return ['--version'];
  // "help" behind a command asks for the help of that command.
  if (first !== undefined && rest.length === 1 && rest[0] === 'help' && hasCommand(root, first))
    return [first, '--help'];
  return takesVersion(root, host.argv) ? host.argv.map(asVersionOfEntity) : host.argv;
}

/** The option by which a command takes the version of an entity. The program itself has taken `--version`. */
const AT_VERSION = '--at-version';

/** Whether one of these words is the name of a command that takes the version of an entity. */
function takesVersion(root: Command, words: readonly string[]): boolean {
  return root.commands.some(
    (command) => words.includes(command.name()) && command.options.some(({ long }) => long === AT_VERSION),
  );
}

function asVersionOfEntity(word: string): string {
  return word === '--version' || word.startsWith('--version=')
    ? `${AT_VERSION}${word.slice('--version'.length)}`
    : word;
}

function hasCommand(root: Command, name: string): boolean {
  return root.commands.some((command) => command.name() === name);
}

/** npm's own options, which a user may have set in an .npmrc. */
const OF_NPM: ReadonlySet<string> = new Set(['json', 'yes', 'all', 'quiet', 'verbose', 'version', 'help']);

/**
 * Throws `usage` if npm kept an option. Without "--" in front of them npm takes all options for its own: then
 * `npm start --data-dir x` would run on another directory than x without a word.
 */
function refuseKeptOptions(program: ProgramName, root: Command, { env, argv, stderr }: CliHost): void {
  if (!isStartedByNpm(env)) return;
  const flags = Object.values(tableOf(program)).flatMap(({ flag }) => (flag === null ? [] : [`--${flag}`]));
  const options = root.commands.flatMap(({ options }) => options.flatMap(({ long }) => long ?? []));
  for (const option of new Set([...flags, ...options])) {
    const name = option.slice(2);
    if (OF_NPM.has(name) || env[`npm_config_${name.replaceAll('-', '_')}`] === undefined) continue;
    const words = argv.length === 0 ? '' : ` ${argv.join(' ')}`;
    throw new TributaryError(
      'usage',
      `npm kept ${option} for itself: put "--" before the options, as in ${invocationOf(program, env)}${words} ${option} ...`,
    );
  }
  const wantedJson = env.npm_config_json === 'true' && !argv.includes('--json');
  if (wantedJson)
    stderr.write(
      `note: npm kept --json for itself: put "--" before the options, as in ${invocationOf(program, env)} ${[...argv, '--json'].join(' ')}\n`,
    );
}
