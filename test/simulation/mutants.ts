/**
 * `npm run simulate:mutants` plants the mistakes of `test/simulation/mutants`, one at a time, and tells which test catches
 * each of them. See docs/checks.md.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figures, type RunningCheck, runCommand, UsageError } from '../checks/lib/command.ts';
import { readTree } from '../tidy/tree.ts';
import { type Mutant, readMutants, staleMutants } from './mutants/catalogue.ts';
import { Durations } from './mutants/durations.ts';
import { Hunt, type Verdict } from './mutants/hunt.ts';
import { PatchError } from './mutants/patch.ts';
import { TestFiles } from './mutants/test-files.ts';
import { folderForCopies, TreeCopy } from './mutants/tree-copy.ts';
import { TypeChecks } from './mutants/type-checks.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(import.meta.dirname, 'mutants');
const JOBS_MAX = 16;

await runCommand({
  name: 'mutants',
  invocation: 'npm run simulate:mutants --',
  summary: 'Plants known mistakes, one at a time, and finds the simulation or unit test that catches each.',
  examples: [
    'npm run simulate:mutants',
    'npm run simulate:mutants -- checkpoint-past-uncommitted lease-never-over',
    'npm run simulate:mutants -- --typecheck',
  ],
  words: 'NAME ...                            The mistakes to plant (default: all)',
  options: [
    { name: 'jobs', value: 'number', fallback: '2', help: 'Mistakes that are hunted side by side' },
    { name: 'seeds', value: 'number', fallback: '1500', help: 'Seeds of the simulation; 0 leaves it out' },
    {
      name: 'first',
      value: 'own|simulation',
      fallback: 'own',
      help: 'What comes first: the unit tests of the changed file, or the simulation',
    },
    { name: 'json', value: 'FILE', fallback: '', help: 'Writes what became of each mistake as JSON' },
    {
      name: 'typecheck',
      value: '',
      fallback: 'false',
      help: 'Only checks the types of mistakes that are new',
    },
    { name: 'list', value: '', fallback: 'false', help: 'Only lists the mistakes' },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const all = readMutants(folder);
  const tree = readTree(root);
  const stale = staleMutants(all, (path) => tree.get(path) ?? '');
  if (stale.length > 0) throw new PatchError(`Patches that no longer apply:\n${stale.join('\n')}`);
  const mutants = chosen(all, check.words);
  if (check.isGiven('list')) {
    for (const { name, sentence } of mutants) process.stdout.write(`${name}: ${sentence}\n`);
    return { mistakes: mutants.length, ok: true };
  }
  const copies = folderForCopies();
  check.defer(() => rmSync(copies, { recursive: true, force: true }));
  const copyOf = (name: string) => new TreeCopy(root, join(copies, name));
  const types = new TypeChecks(join(folder, 'type-checked.json'));
  const progress = (line: string) => check.progress(line);
  if (check.isGiven('typecheck')) {
    const refused = await types.check(copyOf('types'), all, check.signal, progress);
    return { mistakes: all.length, refused, ok: refused.length === 0 };
  }
  const unchecked = mutants.filter((mutant) => !types.isAccepted(mutant)).map(({ name }) => name);
  if (unchecked.length > 0)
    check.progress(`The types of ${unchecked.join(' ')} are not checked yet: --typecheck does so`);
  const hunt = new Hunt({
    files: new TestFiles(tree),
    durations: new Durations(join(root, 'node_modules', '.cache', 'mutants-durations.json')),
    control: copyOf('control'),
    seeds: check.number('seeds'),
    isSimulationFirst: check.choice('first', ['own', 'simulation']) === 'simulation',
    signal: check.signal,
    progress,
  });
  const jobs = Math.min(mutants.length, check.number('jobs'), JOBS_MAX);
  const verdicts = await huntAll(
    hunt,
    mutants,
    Array.from({ length: jobs }, (_, index) => copyOf(`${index}`)),
  );
  const file = check.text('json');
  if (file !== '') writeFileSync(file, `${JSON.stringify(verdicts, null, 2)}\n`);
  return figuresOf(verdicts, unchecked);
}

function chosen(all: readonly Mutant[], names: readonly string[]): readonly Mutant[] {
  const unknown = names.filter((name) => !all.some((mutant) => mutant.name === name));
  if (unknown.length > 0)
    throw new UsageError(`There is no mistake ${unknown.join(', ')}: --list names them all`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

/** Hunts every mistake, one at a time in each copy. Prints a line as soon as one is caught or has survived. */
async function huntAll(
  hunt: Hunt,
  mutants: readonly Mutant[],
  copies: readonly TreeCopy[],
): Promise<Verdict[]> {
  await hunt.provesItself(mutants);
  const waiting = [...mutants];
  const verdicts: Verdict[] = [];
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const verdict = await hunt.hunt(copy, mutant);
        verdicts.push(verdict);
        process.stdout.write(`${lineOf(verdict)}\n`);
      }
    }),
  );
  return verdicts.sort((left, right) => (left.name < right.name ? -1 : 1));
}

function lineOf({ name, caught, seconds, sentence }: Verdict): string {
  if (caught === null) return `${name}: SURVIVED after ${seconds} s: ${sentence}`;
  return `${name}: caught by ${caught.by} (${caught.stage}) after ${seconds} s`;
}

function figuresOf(verdicts: readonly Verdict[], unchecked: readonly string[]): Figures {
  const survived = verdicts.filter(({ caught }) => caught === null).map(({ name }) => name);
  const planted = verdicts.length;
  const caught = planted - survived.length;
  const bySimulation = verdicts.filter(({ caught: by }) => by?.stage === 'simulation').length;
  return {
    planted,
    caught,
    caught_by_simulation: bySimulation,
    survived,
    types_unchecked: unchecked.length,
    ok: planted > 0 && caught === planted,
  };
}
