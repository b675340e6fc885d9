import { resolvePath, type Tree, type Violation, withoutComments } from './tree.ts';

const STATIC_IMPORT = /^(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm;
const BARE_IMPORT = /^import\s*['"]([^'"]+)['"]/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*(?:['"]([^'"]+)['"]|([^'")\s][^)]*))/g;

/** Lists the specifiers that a file imports. The specifier `?` stands for a name that is only known at run time. */
export function importsOf(source: string): string[] {
  const code = withoutComments(source);
  const named = [STATIC_IMPORT, BARE_IMPORT].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => match[1] ?? '?'),
  );
  return [...named, ...[...code.matchAll(DYNAMIC_IMPORT)].map((match) => match[1] ?? '?')];
}

/** The modules of Node that the pipeline may use: they compute, and reach neither disk, network nor clock. */
const PURE_MODULES = new Set(['node:crypto', 'node:buffer', 'node:util', 'node:v8']);
/** The only file of the core that may import from outside, because it makes and compares signatures. */
const SIGNATURES = 'src/core/webhook-signature.ts';
/** The pure exports of modules that are only partly pure: they return the same result for the same arguments. */
const PURE_PARTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['node:crypto', ['hash', 'createHash', 'createHmac', 'createSecretKey', 'KeyObject', 'timingSafeEqual']],
  ['node:util', ['isDeepStrictEqual']],
  ['node:v8', ['serialize', 'deserialize']],
]);
/** The only file that adapters share: it looks at texts, and reaches nothing. */
const SHARED_BY_ADAPTERS = 'src/adapters/pem.ts';
/** The npm packages that the pipeline may use. Ajv compiles JSON Schemas and does no I/O. */
const PURE_PACKAGES = new Set(['ajv']);

/**
 * Checks that imports point one way: public -> apps -> check-target, pipeline, adapters, orders -> ports -> core. Adapters
 * import neither each other nor a domain, a domain imports only the core, and the pipeline imports no domain. The kit
 * (testing) stands beside the apps, and only the package's entries (public) import it.
 */
export function importDirection(tree: Tree): Violation[] {
  return sourcesOf(tree).flatMap(([path, source]) =>
    importsOf(source).flatMap((specifier) => {
      const fault = faultOf(path, specifier);
      return fault === null ? [] : [`${path} imports ${specifier}: ${fault}`];
    }),
  );
}

/** Returns the TypeScript files in src/. */
export function sourcesOf(tree: Tree): [string, string][] {
  return [...tree].filter(([path]) => path.startsWith('src/') && path.endsWith('.ts'));
}

function faultOf(path: string, specifier: string): string | null {
  if (specifier === '?') return 'import the file by a literal name';
  const from = roomOf(path);
  if (!specifier.startsWith('.')) return outsideFault(path, from.room, specifier);
  const target = resolvePath(path, specifier);
  if (target === null) return 'the file is outside the repository';
  if (target === 'package.json') {
    return MAY_REACH_OUT.has(from.room) ? null : 'only adapters, apps and check-target may read package.json';
  }
  if (!target.startsWith('src/')) return 'files in src/ import only files in src/';
  if (!specifier.endsWith('.ts')) return 'write the file name with its ending, .ts';
  return roomFault(from, roomOf(target), target);
}

/** Tells whether a place is an adapter in a folder of its own. The clocks, and what looks at PEM files, are single files. */
function isAdapter({ room, part }: Place): boolean {
  return room === 'adapters' && !part.endsWith('.ts');
}

interface Place {
  readonly room: string;
  /** The name of the adapter, the app or the file inside the room. */
  readonly part: string;
}

function roomOf(path: string): Place {
  const [, room = '', part = ''] = path.split('/');
  return { room, part };
}

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  ports: ['ports', 'core'],
  orders: ['orders', 'core'],
  adapters: ['adapters', 'ports', 'core'],
  pipeline: ['pipeline', 'ports', 'core'],
  'check-target': ['check-target', 'adapters', 'core'],
  apps: ['apps', 'check-target', 'pipeline', 'adapters', 'orders', 'ports', 'core'],
  testing: ['testing', 'pipeline', 'adapters', 'ports', 'core'],
  public: ['apps', 'testing', 'pipeline', 'adapters', 'ports', 'core'],
};

/** Rooms that may import anything from Node and npm. */
const MAY_REACH_OUT: ReadonlySet<string> = new Set(['adapters', 'apps', 'check-target', 'testing']);

function roomFault(from: Place, to: Place, target: string): string | null {
  const allowed = MAY_IMPORT[from.room];
  if (allowed === undefined) return `MAY_IMPORT has no rule for src/${from.room}: add one`;
  if (!allowed.includes(to.room)) return `src/${from.room} imports only ${allowed.join(', ')}`;
  if (isAdapter(to) && from.room !== 'adapters' && !target.endsWith('/index.ts')) {
    return `export it from src/adapters/${to.part}/index.ts and import it from there`;
  }
  if (to.room === 'check-target' && from.room !== to.room && !target.endsWith('/index.ts'))
    return 'check-target is entered by its index.ts alone';
  const isElsewhere = from.part !== to.part && target !== SHARED_BY_ADAPTERS;
  if (from.room === 'adapters' && isElsewhere && to.room === 'adapters') {
    return 'adapters never import each other';
  }
  return null;
}

function outsideFault(path: string, room: string, specifier: string): string | null {
  if (MAY_REACH_OUT.has(room)) return null;
  if (path === SIGNATURES && specifier === 'node:crypto') return null;
  if (room !== 'pipeline') return `src/${room} imports nothing from outside`;
  if (PURE_MODULES.has(specifier) || PURE_PACKAGES.has(specifier)) return null;
  return 'the pipeline uses the machine only through ports';
}

/** Checks that core and pipeline import only the pure exports of Node's modules. */
export function pureParts(tree: Tree): Violation[] {
  return sourcesOf(tree)
    .filter(([path]) => /^src\/(pipeline|core)\//.test(path))
    .flatMap(([path, source]) =>
      [...withoutComments(source).matchAll(/^import\s+([^'";]*?)\s+from\s*['"](node:[^'"]+)['"]/gm)].flatMap(
        (match) => {
          const clause = match[1] ?? '';
          const allowed = PURE_PARTS.get(match[2] ?? '');
          if (allowed === undefined) return [];
          const names = /^\{(.*)\}$/s
            .exec(clause)?.[1]
            ?.split(',')
            .map((name) => name.trim().replace(/^type /, '')) ?? [clause];
          return names
            .filter((name) => name !== '' && !allowed.includes(name))
            .map((name) => `${path} imports ${name} from ${match[2]}: only ${allowed.join(', ')} are pure`);
        },
      ),
    );
}

/** Files in src/ that only tests reach, each with the reason why it is in src/. Any other such file is dead. */
export const KEPT_FOR_TESTS: ReadonlyMap<string, string> = new Map([
  ['src/adapters/seeded-clock.ts', 'the seeded clock, with which simulations and tests control every wait'],
]);

/**
 * Finds the files that nothing reaches. The search begins at the files that somebody starts: the scripts and programs
 * of package.json, the mains of the apps, examples, tests and benches. A file in src/ must be reached without the
 * tests. A helper of tests may also be named in a text, because it runs as a process of its own.
 */
export function deadFiles(tree: Tree): Violation[] {
  const product = reach(tree, productEntries(tree));
  const all = reach(tree, [...productEntries(tree), ...testEntries(tree)]);
  const dead: Violation[] = [];
  for (const path of tree.keys()) {
    if (path.startsWith('src/') && !product.has(path)) {
      if (!KEPT_FOR_TESTS.has(path))
        dead.push(`${path} is not reached from any program: delete it, or use it`);
      else if (!all.has(path)) dead.push(`${path} is in KEPT_FOR_TESTS, and no test uses it: delete it`);
    }
    if (/^(test|bench|examples)\/.*\.ts$/.test(path) && !all.has(path)) {
      dead.push(`${path} is not reached from any script or test: delete it, or use it`);
    }
  }
  for (const path of KEPT_FOR_TESTS.keys()) {
    if (!tree.has(path)) dead.push(`${path} does not exist: remove it from KEPT_FOR_TESTS`);
  }
  return dead;
}

function productEntries(tree: Tree): string[] {
  const starters = [...tree].filter(([path]) => path === 'package.json' || path.startsWith('bin/'));
  const started = starters.flatMap(([, text]) => text.match(/\bsrc\/[\w./-]+\.ts\b/g) ?? []);
  const mains = [...tree.keys()].filter(
    (path) => /^src\/(apps\/[\w-]+\/main|public\/[\w-]+)\.ts$/.test(path) || /^examples\/.*\.ts$/.test(path),
  );
  return [...started, ...mains];
}

function testEntries(tree: Tree): string[] {
  const named = ['package.json', 'vitest.config.ts'].flatMap(
    (path) => tree.get(path)?.match(/\b(?:test|bench)\/[\w./-]+\.ts\b/g) ?? [],
  );
  return [...named, ...[...tree.keys()].filter((path) => /\.test\.ts$/.test(path))];
}

function reach(tree: Tree, entries: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = entries.filter((path) => tree.has(path));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    if (path.endsWith('.ts')) waiting.push(...referencesOf(tree, path));
  }
  return reached;
}

/**
 * Lists the files that a file imports, the files and folders that it reads beside itself (`new URL`), and the files of
 * its own folder that it names in a text, because it starts them.
 */
function referencesOf(tree: Tree, path: string): string[] {
  const source = tree.get(path) ?? '';
  const code = withoutComments(source);
  const imported = importsOf(source).filter((specifier) => specifier.startsWith('.'));
  const beside = [...code.matchAll(/new URL\(\s*['"]([^'"]+)['"],\s*import\.meta\.url/g)].map(
    (match) => match[1] ?? '',
  );
  const named = path.startsWith('src/')
    ? []
    : [...code.matchAll(/['"`](?:\.?[\w./-]*\/)?([\w-]+\.ts)['"`]/g)];
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const startedByName = [...tree.keys()].filter(
    (other) => other.startsWith(folder) && named.some((match) => other.endsWith(`/${match[1]}`)),
  );
  const resolved = [...imported, ...beside].flatMap((target) => {
    const found = resolvePath(path, target);
    if (found === null) return [];
    return tree.has(found) ? [found] : [...tree.keys()].filter((other) => other.startsWith(`${found}/`));
  });
  return [...resolved, ...startedByName];
}
