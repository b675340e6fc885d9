// Compares the pages with the programs. The program must accept each command line of a page, with its options. Each
// default of a setting that a page states must be the default in the program.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { WORDS } from '../src/apps/shared/cli/usage-errors.ts';
import type { SettingTable } from '../src/apps/shared/settings/kinds.ts';
import { COMMON_SETTINGS, PROGRAM_SETTINGS } from '../src/apps/shared/settings/known/index.ts';

const root = join(import.meta.dirname, '..');
const node = join(root, 'node_modules', 'node', 'bin', 'node');
const PAGES = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))].filter(
  (page) => page.endsWith('.md'),
);
const PROGRAMS = ['order-sync', 'order-mgt', 'event-producer'] as const;
type Program = (typeof PROGRAMS)[number];

/** The commands and long options that may follow each command of a program. The key '' is the program itself. */
type Known = ReadonlyMap<string, ReadonlySet<string>>;
const known = new Map<Program, Known>();

function knownTo(program: Program): Known {
  const script = join(root, 'src', 'apps', program, 'main.ts');
  const run = spawnSync(node, ['--disable-warning=ExperimentalWarning', script, 'completion', 'fish'], {
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(run.stderr);
  const words = new Map<string, Set<string>>();
  for (const line of run.stdout.split('\n')) {
    const path = [...line.matchAll(/__fish_seen_subcommand_from ([\w-]+)/g)]
      .map(([, word]) => word)
      .join(' ');
    const option = / -l ([\w-]+)/.exec(line)?.[1];
    const word = / -f -a ([\w-]+)/.exec(line)?.[1];
    const set = words.get(path) ?? new Set<string>();
    words.set(path, set);
    if (option !== undefined) set.add(`--${option}`);
    if (word !== undefined) set.add(word);
  }
  return words;
}

interface NamedCommand {
  readonly place: string;
  readonly program: Program;
  readonly words: readonly string[];
}

/** Finds the command lines of our programs in a page, in its code blocks and in backticks. */
function commandsIn(page: string): NamedCommand[] {
  const text = readFileSync(join(root, page), 'utf8');
  const found: NamedCommand[] = [];
  text.split('\n').forEach((line, index) => {
    const pattern =
      /(npm run (?:-s )?(order-sync|order-mgt|event-producer)(?: --)?|`(order-sync|order-mgt|event-producer))((?: [^`|#)\n]+)?)/g;
    for (const match of line.matchAll(pattern)) {
      const program = (match[2] ?? match[3]) as Program;
      const words = (match[4] ?? '')
        .trim()
        .split(/\s+/)
        .filter((word) => word !== '');
      if (words.length > 0) found.push({ place: `${page}:${index + 1}`, program, words });
    }
  });
  return found;
}

function faultOf({ program, words }: NamedCommand): string | null {
  const all = known.get(program) as Known;
  const own = all.get('') ?? new Set();
  const [first = '', second = ''] = words;
  let path = '';
  if (!first.startsWith('-')) {
    if (WORDS[program].includes(first) || own.has(first))
      path = all.has(`${first} ${second}`) ? `${first} ${second}` : first;
    else return `"${first}" is no command`;
  }
  const options = new Set([...own, ...(all.get(path) ?? [])]);
  // A program without a command runs its default command, so any command's option is accepted here.
  if (path === '' || !own.has(path))
    for (const set of all.values()) for (const word of set) options.add(word);
  const wrong = words
    .filter((word) => /^--[a-z]/.test(word))
    .map((word) => word.replace(/[=.,;].*$/, ''))
    .find((word) => !options.has(word));
  return wrong === undefined ? null : `${path} has no option ${wrong}`;
}

beforeAll(() => {
  for (const program of PROGRAMS) known.set(program, knownTo(program));
}, 300_000);

describe('the commands in the pages', () => {
  it('number more than 40, so the search for them works', () => {
    expect(PAGES.flatMap(commandsIn).length).toBeGreaterThan(40);
  });

  it.each(PAGES)('%s names only commands and options that the programs accept', (page) => {
    const faults = commandsIn(page).flatMap((command) => {
      const fault = faultOf(command);
      return fault === null
        ? []
        : [`${command.place}: ${command.program} ${command.words.join(' ')}: ${fault}`];
    });
    expect(faults).toEqual([]);
  });

  it('count as wrong if the command or the option does not exist', () => {
    const fault = (program: Program, ...words: string[]) => faultOf({ place: '', program, words });
    expect(fault('order-sync', 'partitons')).toContain('no command');
    expect(fault('order-sync', 'quarantine', '--reson')).toContain('no option --reson');
    expect(fault('order-sync', 'quarantine', '--status')).toContain('no option --status');
    expect(fault('order-sync', 'keys', 'make', '--name')).toBeNull();
    expect(fault('event-producer', 'o', 'order123')).toBeNull();
  });
});

describe('the commands that a program suggests for another program', () => {
  it.each(PROGRAMS)('include all commands of %s and no others', (program) => {
    const commands = [...((known.get(program) as Known).get('') ?? [])].filter(
      (word) => !word.startsWith('--'),
    );
    const listed = WORDS[program].filter((word) => !/^(o|pa|par|paa|pad)$/.test(word));
    expect(commands.filter((word) => !['config', 'completion'].includes(word)).sort()).toEqual(
      [...listed].sort(),
    );
  });
});

const DEFAULTS = new Map(
  ([COMMON_SETTINGS, ...Object.values(PROGRAM_SETTINGS)] as readonly SettingTable[]).flatMap((table) =>
    Object.values(table).map((setting) => [setting.env, setting] as const),
  ),
);

/** Finds the defaults of settings that a page states. */
function statedDefaults(page: string): { readonly name: string; readonly stated: string }[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/\s+/g, ' ');
  return [
    ...text.matchAll(/`([A-Z][A-Z_]+)`,? \(?(?:default:? )?([\w:/.]+)(?: by default| is the default)/g),
  ].map(([, name = '', stated = '']) => ({ name, stated }));
}

describe('the numbers in the pages', () => {
  it.each(PAGES.filter((page) => page !== 'docs/settings.md'))(
    '%s states only defaults that the settings have',
    (page) => {
      const wrong = statedDefaults(page).filter(
        ({ name, stated }) => DEFAULTS.get(name)?.fallbackText !== stated,
      );
      expect(wrong).toEqual([]);
    },
  );

  it('include the default that docs/being-a-target.md states', () => {
    expect(statedDefaults('docs/being-a-target.md')).toEqual([
      { name: 'ORDER_SYNC_DELIVERY_MAX_ATTEMPTS', stated: '24' },
    ]);
  });

  const say = (page: string, sentence: RegExp) =>
    sentence.exec(readFileSync(join(root, page), 'utf8').replace(/\s+/g, ' '))?.[1];
  const setting = (name: string) => Number(DEFAULTS.get(name)?.fallback);

  it.each([
    [
      'docs/being-a-target.md',
      /\| nothing within (\d+) s \|/,
      () => setting('ORDER_SYNC_DELIVERY_DEADLINE_MS') / 1_000,
    ],
    [
      'docs/quarantine.md',
      /are over the limit \((\d+) MiB\)/,
      () => setting('ORDER_SYNC_MAX_RECORD_BYTES') / 1_048_576,
    ],
    ['README.md', /localhost:(\d+)\/api\/v1\/pipeline/, () => setting('ORDER_SYNC_PORT')],
    ['README.md', /localhost:(\d+)\/api\/orders\/order123/, () => setting('ORDER_MGT_PORT')],
  ])('%s states the right number in %s', (page, sentence, value) => {
    expect(Number(say(page, sentence))).toBe(value());
  });
});
