/** docs/mutation.json: the scores and the mutants that survived, each with the reason. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Counts, count, type Report, type Survivor, survivorsOf } from './report.ts';

export const SCORE_MIN = 85;

/** Why no test kills some mutants: `from` and `to` are their lines, as the command prints them. */
export interface Explanation {
  readonly why: string;
  readonly mutants: readonly { readonly from: string; readonly to: string }[];
}

export type Explanations = Readonly<Record<string, readonly Explanation[]>>;

export interface ScopeRecord extends Counts {
  readonly date: string;
  readonly commit: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, Counts>>;
  readonly survivors: readonly (Survivor & { readonly why: string })[];
}

export type MutationRecord = Readonly<Record<string, ScopeRecord>>;

const explanationsFile = join(import.meta.dirname, 'explanations.json');
const recordFile = join(import.meta.dirname, '..', '..', 'docs', 'mutation.json');

export function readExplanations(): Explanations {
  return JSON.parse(readFileSync(explanationsFile, 'utf8')) as Explanations;
}

export function readRecord(): MutationRecord {
  return existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, 'utf8')) as MutationRecord) : {};
}

/** Keeps the records of the other scopes. */
export function writeRecord(scopes: MutationRecord): void {
  const all = Object.entries({ ...readRecord(), ...scopes }).sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  // A survivor, or the counts of a file, take one line each.
  const text = JSON.stringify(Object.fromEntries(all), null, 2).replaceAll(
    /\{\n( +)("(?:score|file)"[^{}]*?)\n +\}/g,
    (_, _indent, members: string) => `{ ${members.replaceAll(/\n +/g, ' ')} }`,
  );
  writeFileSync(recordFile, `${text}\n`);
}

export function whyOf(explanations: Explanations, { file, from, to }: Survivor): string | null {
  const known = explanations[file]?.find(({ mutants }) =>
    mutants.some((mutant) => mutant.from === from && mutant.to === to),
  );
  return known?.why ?? null;
}

export function recordOf(
  report: Report,
  explanations: Explanations,
  about: Pick<ScopeRecord, 'date' | 'commit' | 'versions'>,
): ScopeRecord {
  const files = Object.entries(report.files).sort(([left], [right]) => (left < right ? -1 : 1));
  return {
    ...about,
    ...count(files.flatMap(([, { mutants }]) => mutants)),
    files: Object.fromEntries(files.map(([file, { mutants }]) => [file, count(mutants)])),
    survivors: survivorsOf(report).map((survivor) => ({
      ...survivor,
      why: whyOf(explanations, survivor) ?? '',
    })),
  };
}
