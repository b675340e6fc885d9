import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files and folders that the copies do without. They make node_modules themselves. */
const LEFT_OUT = new Set([
  'node_modules',
  '.git',
  'coverage',
  'console-dist',
  '.tributary',
  '.tributary-installing',
]);
/** Entries of node_modules that a run writes to, so that each copy has its own. */
const WRITTEN = new Set(['.cache', '.vite', '.vite-temp', '.vitest-cache']);

/** A folder for copies: in memory if the machine has a file system there. */
export function folderForCopies(): string {
  const memory = '/dev/shm';
  return mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'tributary-mutants-'));
}

/** A copy of the repository in which a mistake is planted for a while. */
export class TreeCopy {
  readonly root: string;
  /** The texts that the planted files had, by path. */
  readonly #originals = new Map<string, string>();

  /** Copies `source` into the folder `root`, with links to its packages. */
  constructor(source: string, root: string) {
    this.root = root;
    mkdirSync(root, { recursive: true });
    for (const entry of readdirSync(source))
      if (!LEFT_OUT.has(entry)) cpSync(join(source, entry), join(root, entry), { recursive: true });
    const modules = join(source, 'node_modules');
    mkdirSync(join(root, 'node_modules'));
    for (const entry of readdirSync(modules))
      if (!WRITTEN.has(entry)) symlinkSync(join(modules, entry), join(root, 'node_modules', entry));
  }

  /** Writes the changed files. */
  plant(changed: ReadonlyMap<string, string>): void {
    for (const [path, text] of changed) {
      this.#originals.set(path, this.read(path));
      writeFileSync(join(this.root, path), text);
    }
  }

  /** Brings the planted files back as they were. */
  restore(): void {
    for (const [path, text] of this.#originals) writeFileSync(join(this.root, path), text);
    this.#originals.clear();
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
