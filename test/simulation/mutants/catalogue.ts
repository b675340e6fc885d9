import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyHunks, type FilePatch, PatchError, parsePatch } from './patch.ts';

/** A mistake that is planted on purpose, to see whether a test catches it. */
export interface Mutant {
  /** The name of its file, without `.patch`. */
  readonly name: string;
  /** What is wrong, and what it breaks. */
  readonly sentence: string;
  /** The text of the patch. */
  readonly text: string;
  readonly files: readonly FilePatch[];
}

/** Reads every patch of the folder, sorted by name. Throws PatchError with the names of those that cannot be read. */
export function readMutants(folder: string): Mutant[] {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.patch'))
    .map((file) => file.slice(0, -'.patch'.length))
    .sort();
  const faults: string[] = [];
  const mutants = names.flatMap((name) => {
    try {
      return [mutantOf(name, readFileSync(join(folder, `${name}.patch`), 'utf8'))];
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      faults.push(`${name}: ${error.message}`);
      return [];
    }
  });
  if (faults.length > 0) throw new PatchError(`Patches that cannot be read:\n${faults.join('\n')}`);
  return mutants;
}

export function mutantOf(name: string, text: string): Mutant {
  const sentence = /^# (.+)\n/.exec(text)?.[1]?.trim();
  if (sentence === undefined)
    throw new PatchError('Its first line must be "# " and a sentence that says what is wrong.');
  return { name, sentence, text, files: parsePatch(text) };
}

/** The changed files of a mutant, by path. Throws PatchError if the mutant does not apply. */
export function changedFiles(mutant: Mutant, read: (path: string) => string): Map<string, string> {
  const changed = new Map<string, string>();
  for (const file of mutant.files)
    changed.set(file.path, applyHunks(file, changed.get(file.path) ?? read(file.path)));
  return changed;
}

/** One line for each mutant that does not apply any more. */
export function staleMutants(mutants: readonly Mutant[], read: (path: string) => string): string[] {
  return mutants.flatMap((mutant) => {
    try {
      changedFiles(mutant, read);
      return [];
    } catch (error) {
      return [`${mutant.name}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}
