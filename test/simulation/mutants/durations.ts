import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A test file that nobody has timed is taken for one of this length. */
const UNKNOWN_MS = 3_000;

/** The times that test files took, kept from run to run, so that quick ones go first. */
export class Durations {
  readonly #file: string;
  readonly #known: Map<string, number>;

  constructor(file: string) {
    this.#file = file;
    const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>) : {};
    this.#known = new Map(Object.entries(known));
  }

  add(passedMs: ReadonlyMap<string, number>): void {
    if (passedMs.size === 0) return;
    for (const [path, ms] of passedMs) this.#known.set(path, Math.round(ms));
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, `${JSON.stringify(Object.fromEntries(this.#known))}\n`);
  }

  /** Sorts the files, the quickest first. */
  sorted(files: readonly string[]): string[] {
    const msOf = (path: string) => this.#known.get(path) ?? UNKNOWN_MS;
    return [...files].sort((left, right) => msOf(left) - msOf(right));
  }
}
