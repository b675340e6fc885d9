/** Installs Stryker beside the project, and runs it on one scope. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPinned } from '../checks/lib/pinned-packages.ts';
import type { Report, ReportedMutant } from './report.ts';
import type { Scope } from './scopes.ts';

const tools = join(import.meta.dirname, 'tools');

export interface Manner {
  /** Tests every mutant, also if neither it nor its tests have changed. */
  readonly isFresh: boolean;
  /** Tests also mutants of code that runs while a module is loaded: each of them takes all tests of the scope. */
  readonly withStatic: boolean;
  /** The mutants that are tested at the same time, each in a process of its own. */
  readonly workers: number;
}

/** The stores of the tests lie in memory where the system has a folder for that. Disks are slow to confirm a write. */
const MEMORY = '/dev/shm';

export class Stryker {
  readonly #root: string;
  readonly #folder: string;
  readonly #signal: AbortSignal;

  constructor(root: string, signal: AbortSignal) {
    this.#root = root;
    this.#folder = join(root, 'node_modules', '.cache', 'mutation');
    this.#signal = signal;
  }

  /** Installs the pinned versions, unless they are there. */
  async install(): Promise<void> {
    // The runner has vitest as a peer, and finds the project's own one folder above.
    await installPinned(tools, this.#folder);
  }

  get version(): string {
    return String(JSON.parse(readFileSync(this.#file('core', 'package.json'), 'utf8')).version);
  }

  /** The results of the last run of the scope: Stryker tests again only what has changed since. */
  resultsOf(scope: Scope): Report | null {
    const file = this.#resultsFile(scope);
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : null;
  }

  /**
   * Tests the mutants of a scope, or only those of some of its files. A mutant whose tests were late is tested twice, because
   * the machine may have been busy. Stryker counts steps too, so most endless loops end without a second time.
   */
  async test(scope: Scope, files: readonly string[], how: Manner): Promise<void> {
    if (how.isFresh) rmSync(this.#resultsFile(scope), { force: true });
    await this.#testOnce(scope, files, how);
    if (this.#forgetLate(scope) > 0) await this.#testOnce(scope, files, how);
  }

  async #testOnce(scope: Scope, files: readonly string[], how: Manner): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-mutation-'));
    const stores = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'tributary-mutation-'));
    try {
      const config = join(folder, 'stryker.json');
      writeFileSync(config, JSON.stringify(this.#options(scope, files, folder, how)));
      await this.#run(process.execPath, [this.#file('core', 'bin/stryker.js'), 'run', config], {
        cwd: this.#root,
        env: {
          ...process.env,
          MUTATION_TESTS: scope.tests.join(' '),
          MUTATION_LEFT_OUT: scope.leftOut.join(' '),
          MUTATION_TEST_TIMEOUT_MS: String(scope.testTimeoutMs ?? 30_000),
          TMPDIR: stores,
          // Properties draw the same values for every mutant.
          CI: 'true',
        },
      });
    } finally {
      for (const made of [folder, stores]) rmSync(made, { recursive: true, force: true });
    }
  }

  /** Takes the mutants whose tests were late out of the results. Returns their number. */
  #forgetLate(scope: Scope): number {
    const results = this.resultsOf(scope);
    if (results === null) return 0;
    const isLate = ({ status, statusReason = '' }: ReportedMutant) =>
      status === 'Timeout' && !statusReason.startsWith('Hit limit');
    const files = Object.entries(results.files);
    const late = files.flatMap(([, { mutants }]) => mutants.filter(isLate)).length;
    const kept = files.map(([file, content]) => [
      file,
      { ...content, mutants: content.mutants.filter((mutant) => !isLate(mutant)) },
    ]);
    if (late > 0)
      writeFileSync(
        this.#resultsFile(scope),
        JSON.stringify({ ...results, files: Object.fromEntries(kept) }),
      );
    return late;
  }

  #options(scope: Scope, files: readonly string[], folder: string, { withStatic, workers }: Manner): object {
    return {
      testRunner: 'vitest',
      plugins: [this.#file('vitest-runner', 'dist/src/index.js'), join(import.meta.dirname, 'texts.ts')],
      vitest: { configFile: 'test/mutation/vitest-config.ts', related: false },
      mutate: files.length > 0 ? files : scope.sources,
      ignorers: ['texts'],
      coverageAnalysis: 'perTest',
      ignoreStatic: !withStatic,
      incremental: true,
      incrementalFile: this.#resultsFile(scope),
      concurrency: workers,
      // A test that waits for ever fails by its own limit before.
      timeoutMS: (scope.testTimeoutMs ?? 13_000) + 2_000,
      timeoutFactor: 3,
      disableTypeChecks: false,
      // Stryker would rewrite a tsconfig.json by TypeScript's old API. Nothing here reads one.
      tsconfigFile: 'none.json',
      ignorePatterns: ['*', '!src/**', '!test/**', '!examples/**', '!docs/**', '!package.json'],
      reporters: ['progress-append-only'],
      tempDirName: join(folder, 'sandbox'),
      allowConsoleColors: false,
    };
  }

  #resultsFile(scope: Scope): string {
    return join(this.#folder, `${scope.name.replaceAll('/', '-')}.json`);
  }

  #file(name: string, path: string): string {
    return join(this.#folder, 'node_modules', '@stryker-mutator', name, path);
  }

  /** Runs a program with its output on stderr. Rejects if it fails. */
  #run(
    command: string,
    args: readonly string[],
    options: { cwd: string; env?: NodeJS.ProcessEnv },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        ...options,
        stdio: ['ignore', process.stderr, process.stderr],
        signal: this.#signal,
        killSignal: 'SIGTERM',
      });
      child.on('error', reject);
      child.on('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`${command} ${args[0]} ended with ${code}`));
      });
    });
  }
}
