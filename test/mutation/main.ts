/** `npm run mutation` changes the sources in every small way, and counts the changes that no test sees. See docs/checks.md. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { type Figures, type RunningCheck, runCommand, UsageError } from '../checks/lib/command.ts';
import {
  type MutationRecord,
  readExplanations,
  recordOf,
  SCORE_MIN,
  type ScopeRecord,
  whyOf,
  writeRecord,
} from './record.ts';
import { type Report, survivorsOf } from './report.ts';
import { SCOPES, type Scope } from './scopes.ts';
import { Stryker } from './stryker.ts';

const root = join(import.meta.dirname, '..', '..');

await runCommand({
  name: 'mutation',
  invocation: 'npm run mutation --',
  summary:
    'Changes the sources in every small way, one at a time, and counts the changes that no unit test sees.',
  examples: [
    'npm run mutation -- --only core',
    'npm run mutation -- --only pipeline/decode',
    'npm run mutation -- src/core/fold.ts',
  ],
  words: 'FILE ...                            Only these sources; the record stays as it is',
  options: [
    { name: 'only', value: 'part', fallback: 'all', help: `core, planners, pipeline, or a folder of it` },
    { name: 'fresh', value: '', fallback: 'false', help: 'Tests every mutant, also if nothing has changed' },
    { name: 'workers', value: 'count', fallback: '1', help: 'The mutants that are tested at the same time' },
    { name: 'static', value: '', fallback: 'false', help: 'Tests also what runs while a module is loaded' },
    { name: 'again', value: '', fallback: 'false', help: 'Tests nothing: writes the last results again' },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const files = check.words;
  const scopes = files.length > 0 ? scopesOf(files) : chosen(check.text('only'));
  const stryker = new Stryker(root, check.signal);
  await stryker.install();
  const explanations = readExplanations();
  const about = {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    versions: versions(stryker),
  };
  const records: Record<string, ScopeRecord> = {};
  for (const scope of scopes) {
    const ofScope = files.filter((file) => belongs(file, scope));
    check.progress(`Mutants of ${ofScope.length > 0 ? ofScope.join(', ') : scope.name}`);
    if (!check.isGiven('again'))
      await stryker.test(scope, ofScope, {
        isFresh: check.isGiven('fresh'),
        withStatic: check.isGiven('static'),
        workers: Math.max(1, check.number('workers')),
      });
    const results = stryker.resultsOf(scope);
    if (results === null) throw new Error(`There are no results of ${scope.name} yet`);
    const report = ofScope.length > 0 ? only(results, ofScope) : results;
    for (const survivor of survivorsOf(report)) {
      if (whyOf(explanations, survivor) !== null) continue;
      process.stdout.write(`${survivor.file}\n  - ${survivor.from}\n  + ${survivor.to}\n`);
    }
    const record = recordOf(report, explanations, about);
    records[scope.name] = record;
    if (ofScope.length === 0) writeRecord({ [scope.name]: record });
  }
  return figuresOf(records);
}

function figuresOf(records: MutationRecord): Figures {
  const all = Object.entries(records);
  const scores = Object.fromEntries(all.map(([name, { score }]) => [name, score]));
  const sum = (key: 'killed' | 'timeout' | 'survived' | 'noCoverage') =>
    all.reduce((total, [, record]) => total + record[key], 0);
  const unexplained = all.flatMap(([, { survivors }]) => survivors).filter(({ why }) => why === '').length;
  return {
    scores,
    killed: sum('killed'),
    timeout: sum('timeout'),
    survived: sum('survived'),
    no_coverage: sum('noCoverage'),
    unexplained,
    ok: all.length > 0 && unexplained === 0 && Object.values(scores).every((score) => score >= SCORE_MIN),
  };
}

function chosen(only: string): readonly Scope[] {
  const scopes = SCOPES.filter(({ name }) => only === 'all' || name === only || name.startsWith(`${only}/`));
  if (scopes.length === 0)
    throw new UsageError(`--only takes one of ${SCOPES.map(({ name }) => name).join(', ')}`);
  return scopes;
}

function scopesOf(files: readonly string[]): readonly Scope[] {
  for (const file of files) {
    if (!existsSync(join(root, file)) || !SCOPES.some((scope) => belongs(file, scope))) {
      throw new UsageError(`${file} is no source of ${SCOPES.map(({ name }) => name).join(', ')}`);
    }
  }
  return SCOPES.filter((scope) => files.some((file) => belongs(file, scope)));
}

function belongs(file: string, scope: Scope): boolean {
  return scope.sources.some((glob) => matchesGlob(file, glob));
}

function only(report: Report, files: readonly string[]): Report {
  return { files: Object.fromEntries(Object.entries(report.files).filter(([file]) => files.includes(file))) };
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
}

function versions(stryker: Stryker): Record<string, string> {
  const vitest = JSON.parse(readFileSync(join(root, 'node_modules', 'vitest', 'package.json'), 'utf8'));
  return { stryker: stryker.version, vitest: String(vitest.version), node: process.versions.node };
}
