import { importsOf } from './imports.ts';
import { linesOf, type Tree, type Violation } from './tree.ts';

export const SOURCE_LINES_MAX = 400;
export const README_LINES_MAX = 250;

/** Finds source files of more than 400 lines, and a README.md of 250 lines or more. */
export function longFiles(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const [path, text] of tree) {
    const lines = linesOf(text);
    if (/^(?:src|console\/src)\/.*\.tsx?$/.test(path) && lines > SOURCE_LINES_MAX) {
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

/** Checks the numbers of migrations below the folders `stores`. A gap or a number that is used twice would make databases that differ. */
export function migrationNumbers(tree: Tree, stores: readonly string[]): Violation[] {
  return stores.flatMap((store) => {
    const folder = `${store}/migrations/`;
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
      .map((part) => `${adapter}/${part}`)
      .filter((path) => !tree.has(path))
      .map((path) => `${path} is missing: each of ${adapters.join(', ')} must have this file`),
  );
}

/** What every program has. */
const PROGRAM_PARTS = ['main.ts', 'commands/index.ts'];
/** What a program with an HTTP API has besides, and `<program>.ts`, which starts and stops it. */
const SERVER_PARTS = ['server.ts', 'server-parts.ts', 'access.ts', 'schemas.ts', 'query.ts', 'cursor.ts'];

/** Programs are laid out alike: the same name for the same part, and an index that lists every file of commands. */
export function programParts(tree: Tree): Violation[] {
  const paths = [...tree.keys()];
  const programs = new Set(
    paths.map((path) => /^src\/apps\/([\w-]+)\//.exec(path)?.[1]).filter((name) => name !== undefined),
  );
  programs.delete('shared');
  return [...programs].flatMap((program) => {
    const folder = `src/apps/${program}/`;
    const isServer = paths.some((path) => path.startsWith(`${folder}http/`));
    const servers = [`${program}.ts`, ...SERVER_PARTS.map((part) => `http/${part}`)];
    const parts = [...PROGRAM_PARTS, ...(isServer ? servers : [])];
    const listed = importsOf(tree.get(`${folder}commands/index.ts`) ?? '');
    return [
      ...parts
        .map((part) => `${folder}${part}`)
        .filter((path) => !tree.has(path))
        .map((path) => `${path} is missing: the other programs have it under this name`),
      ...paths
        .filter((path) => path.startsWith(`${folder}commands/`) && !path.endsWith('/index.ts'))
        .filter((path) => !listed.includes(path.replace(`${folder}commands/`, './')))
        .map((path) => `${path} is in no list: name its commands in ${folder}commands/index.ts`),
    ];
  });
}

/** Finds tests that replace a module and are not among those that vitest.config.ts runs alone: others would share the module. */
export function sharedReplacements(tree: Tree): Violation[] {
  const config = tree.get('vitest.config.ts') ?? '';
  return [...tree]
    .filter(([path, text]) => path.endsWith('.test.ts') && /^vi\.mock\(/m.test(text))
    .filter(([path]) => !config.includes(`'${path}'`))
    .map(([path]) => `${path} replaces a module: add it to ALONE in vitest.config.ts`);
}
