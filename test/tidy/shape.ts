import { linesOf, type Tree, type Violation } from './tree.ts';

export const SOURCE_LINES_MAX = 400;
export const README_LINES_MAX = 250;

/** Finds source files of more than 400 lines, and a README.md of 250 lines or more. */
export function longFiles(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const [path, text] of tree) {
    const lines = linesOf(text);
    if (/^src\/.*\.ts$/.test(path) && lines > SOURCE_LINES_MAX) {
      found.push(`${path} has ${lines} lines, more than ${SOURCE_LINES_MAX}: split it`);
    }
    if (path === 'README.md' && lines >= README_LINES_MAX) {
      found.push(
        `README.md has ${lines} lines: keep it under ${README_LINES_MAX}, and move details to docs/`,
      );
    }
  }
  return found;
}

/** Checks the numbers of migrations. A gap or a number that is used twice would make databases that differ. */
export function migrationNumbers(tree: Tree, stores: readonly string[]): Violation[] {
  return stores.flatMap((store) => {
    const folder = `src/adapters/${store}/migrations/`;
    const names = [...tree.keys()]
      .filter((path) => path.startsWith(folder))
      .map((path) => path.slice(folder.length))
      .sort();
    if (names.length === 0) return [`${folder} has no migrations`];
    return names.flatMap((name, index) => {
      const wanted = `${String(index + 1).padStart(4, '0')}-`;
      return new RegExp(`^${wanted}[a-z0-9-]+\\.sql$`).test(name)
        ? []
        : [`${folder}${name}: migration ${index + 1} must be named ${wanted}what-it-does.sql`];
    });
  });
}

export interface Siblings {
  readonly adapters: readonly string[];
  /** The names of the files that each of the adapters must have. */
  readonly parts: readonly string[];
}

/** Checks that adapters of one port use the same file names, so that a diff of two teaches the third. */
export function siblingParts(tree: Tree, { adapters, parts }: Siblings): Violation[] {
  return adapters.flatMap((adapter) =>
    parts
      .map((part) => `src/adapters/${adapter}/${part}`)
      .filter((path) => !tree.has(path))
      .map((path) => `${path} is missing: each of ${adapters.join(', ')} must have this file`),
  );
}
