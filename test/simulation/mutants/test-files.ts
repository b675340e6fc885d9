import { importsOf } from '../../tidy/imports.ts';
import { resolvePath, type Tree } from '../../tidy/tree.ts';

/** Tests of the house's rules and of the tests' own tools. They say nothing about what the programs do. */
const NO_BEHAVIOUR = /^test\/(?:tidy|services|simulation\/mutants)\//;
/** A helper that imports one of these may run any program. */
const STARTS_PROCESSES = /\bfrom 'node:(?:child_process|worker_threads)'/;

/** The unit tests that may see a change of some files. Each test is in one list only. */
export interface TestsOfChange {
  /** Whether the simulation reaches a changed file. */
  readonly isSimulated: boolean;
  /** Tests of the mirrored folder that have the name of a changed file, or one that begins with it. */
  readonly own: readonly string[];
  /** Other tests of the mirrored folder. */
  readonly near: readonly string[];
  /** Other tests that import a changed file, directly or not. */
  readonly related: readonly string[];
  /** Tests that import none of them, and start processes, which may. */
  readonly others: readonly string[];
}

/** Which files import which, so that a mistake is shown only to the tests that can see it. */
export class TestFiles {
  readonly #tree: Tree;
  readonly #tests: readonly string[];
  readonly #reached = new Map<string, ReadonlySet<string>>();

  constructor(tree: Tree) {
    this.#tree = tree;
    this.#tests = [...tree.keys()].filter(
      (path) => path.startsWith('test/') && isUnitTest(path) && !NO_BEHAVIOUR.test(path),
    );
  }

  /** The tests of the simulation. */
  get simulation(): readonly string[] {
    return this.#tests.filter((path) => path.startsWith('test/simulation/'));
  }

  testsOf(changed: readonly string[]): TestsOfChange {
    const sees = (path: string) => changed.some((file) => this.#reachOf(path).has(file));
    const related = this.#tests.filter(sees);
    const folders = new Set(changed.map((path) => folderOf(path.replace(/^src\//, 'test/'))));
    const mirrored = related.filter((path) => folders.has(folderOf(path)));
    const names = changed.map((path) => path.replace(/^src\//, 'test/').replace(/\.tsx?$/, ''));
    const own = mirrored.filter((path) =>
      names.some((name) => path.startsWith(`${name}.`) || path.startsWith(`${name}-`)),
    );
    const near = mirrored.filter((path) => !own.includes(path));
    return {
      own,
      isSimulated: related.some((path) => path.startsWith('test/simulation/')),
      near,
      related: related.filter((path) => !mirrored.includes(path)),
      others: this.#tests.filter((path) => !related.includes(path) && this.#startsProcesses(path)),
    };
  }

  #startsProcesses(path: string): boolean {
    return [...this.#reachOf(path)].some(
      (reached) => reached.startsWith('test/') && STARTS_PROCESSES.test(this.#tree.get(reached) ?? ''),
    );
  }

  #reachOf(path: string): ReadonlySet<string> {
    const known = this.#reached.get(path);
    if (known !== undefined) return known;
    const reached = new Set<string>();
    const waiting = [path];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      for (const specifier of importsOf(this.#tree.get(next) ?? '')) {
        const target = specifier.startsWith('.') ? resolvePath(next, specifier) : null;
        if (target !== null && this.#tree.has(target)) waiting.push(target);
      }
    }
    this.#reached.set(path, reached);
    return reached;
  }
}

function isUnitTest(path: string): boolean {
  return path.endsWith('.test.ts') && !path.endsWith('.int.test.ts') && !path.endsWith('.e2e.test.ts');
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
