import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changedFiles, type Mutant } from './catalogue.ts';
import { runInCopy } from './test-run.ts';
import type { TreeCopy } from './tree-copy.ts';

/**
 * The mutants that the type checker has accepted, each by a digest of its patch. The record lies beside the patches,
 * because checking all of them takes minutes.
 */
export class TypeChecks {
  readonly #file: string;
  readonly #accepted: Map<string, string>;

  constructor(file: string) {
    this.#file = file;
    const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {};
    this.#accepted = new Map(Object.entries(known));
  }

  isAccepted(mutant: Mutant): boolean {
    return this.#accepted.get(mutant.name) === digestOf(mutant);
  }

  /**
   * Checks those mutants that have not been accepted yet, and writes the record. Resolves with a line for each that the type
   * checker refuses. Mutants of different files are checked together.
   */
  async check(
    copy: TreeCopy,
    mutants: readonly Mutant[],
    signal: AbortSignal,
    progress: (line: string) => void,
  ): Promise<string[]> {
    const refused: string[] = [];
    const waiting = batchesOf(mutants.filter((mutant) => !this.isAccepted(mutant)));
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      progress(`types: ${batch.length} mistakes together, and ${waiting.flat().length} later`);
      const errors = await typeErrors(copy, batch, signal);
      const [only] = batch;
      if (errors.length === 0) for (const mutant of batch) this.#accepted.set(mutant.name, digestOf(mutant));
      else if (batch.length === 1 && only !== undefined) refused.push(`${only.name}: ${errors[0]}`);
      else waiting.unshift(...suspectsFirst(batch, errors));
    }
    for (const name of this.#accepted.keys())
      if (!mutants.some((mutant) => mutant.name === name)) this.#accepted.delete(name);
    this.#write();
    return refused;
  }

  #write(): void {
    const sorted = [...this.#accepted].sort(([left], [right]) => (left < right ? -1 : 1));
    writeFileSync(this.#file, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
  }
}

/** Cuts a batch with errors: each mutant of a file with an error is alone. If there is none, the batch is halved. */
function suspectsFirst(batch: readonly Mutant[], errors: readonly string[]): Mutant[][] {
  const isSuspect = ({ files }: Mutant) =>
    files.some(({ path }) => errors.some((error) => error.startsWith(`${path}(`)));
  const suspects = batch.filter(isSuspect);
  const others = batch.filter((mutant) => !isSuspect(mutant));
  if (suspects.length > 0)
    return [...(others.length === 0 ? [] : [others]), ...suspects.map((mutant) => [mutant])];
  const half = Math.ceil(batch.length / 2);
  return [batch.slice(0, half), batch.slice(half)];
}

function digestOf({ text }: Mutant): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Groups of mutants of which no two change the same file. */
function batchesOf(mutants: readonly Mutant[]): Mutant[][] {
  const batches: { readonly paths: Set<string>; readonly mutants: Mutant[] }[] = [];
  for (const mutant of mutants) {
    const paths = mutant.files.map(({ path }) => path);
    let batch = batches.find((each) => !paths.some((path) => each.paths.has(path)));
    if (batch === undefined) {
      batch = { paths: new Set(), mutants: [] };
      batches.push(batch);
    }
    for (const path of paths) batch.paths.add(path);
    batch.mutants.push(mutant);
  }
  return batches.map((batch) => batch.mutants);
}

/** The errors of the type checker, one a line; empty if it accepts the mutants. */
async function typeErrors(
  copy: TreeCopy,
  mutants: readonly Mutant[],
  signal: AbortSignal,
): Promise<string[]> {
  for (const mutant of mutants) copy.plant(changedFiles(mutant, (path) => copy.read(path)));
  try {
    const tsc = join(copy.root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { code, output } = await runInCopy(copy.root, [tsc, '--noEmit', '--pretty', 'false'], signal);
    signal.throwIfAborted();
    if (code === 0) return [];
    const errors = output.split('\n').filter((line) => /\berror TS\d+/.test(line));
    return errors.length > 0 ? errors : [`exit code ${code}: ${output.slice(-200)}`];
  } finally {
    copy.restore();
  }
}
