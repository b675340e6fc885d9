import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { changedFiles, type Mutant } from './catalogue.ts';
import type { Durations } from './durations.ts';
import type { TestFiles } from './test-files.ts';
import { type RunResult, runInCopy, runTests } from './test-run.ts';

/** The tests that caught a mistake: the simulation, or unit tests by their distance from the changed file, its own first. */
export type Stage = 'own' | 'simulation' | 'near' | 'related' | 'others';

/** What became of a planted mistake. */
export interface Verdict {
  readonly name: string;
  readonly sentence: string;
  /** Null if no test failed. */
  readonly caught: { readonly stage: Stage; readonly by: string; readonly file: string | null } | null;
  readonly seconds: number;
}

/** A test fails without any mistake, so it cannot say anything about one. */
export class ControlError extends Error {}

/** A copy of the repository in which mistakes are planted. */
export interface PlantedTree {
  readonly root: string;
  plant(changed: ReadonlyMap<string, string>): void;
  restore(): void;
  read(path: string): string;
}

export interface HuntOptions {
  readonly files: TestFiles;
  readonly durations: Durations;
  /** A copy without any mistake. */
  readonly control: PlantedTree;
  /** The number of seeds of the simulation; 0 leaves it out. */
  readonly seeds: number;
  /** Whether the simulation comes before the unit tests of the changed file, so that all that it catches is counted. */
  readonly isSimulationFirst: boolean;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
  /** Runs test files in the folder of a copy. Default: `runTests`. */
  readonly run?: typeof runTests;
}

const SIMULATION = 'test/simulation/main.ts';
/** Plays seeds too, some of them new each time, so that it would not catch the same mistakes twice. */
const SEEDED_TEST = 'test/simulation/seeded/seeded.test.ts';
/** A simulation that prints nothing for this long hangs: it tells every ten seconds how far it is. */
const SIMULATION_SILENCE_MS = 3 * 60_000;
const SHOWN_CHARACTERS = 200;

/**
 * Looks for the test that catches a mistake: in the unit tests of the changed file, which take seconds, then in the simulation,
 * then in the other unit tests, the nearest and quickest first.
 */
export class Hunt {
  readonly #options: HuntOptions;
  /** What the copy without a mistake came to, by what was run. */
  readonly #controls = new Map<string, Promise<RunResult>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: HuntOptions) {
    this.#options = options;
  }

  /** Runs the simulation without a mistake, if it is asked for. Throws ControlError if it fails. */
  async provesItself(mutants: readonly Mutant[]): Promise<void> {
    if (mutants.some((mutant) => this.#isSimulated(mutant)))
      await this.#control('the simulation', (copy) => this.#simulate(copy));
  }

  /** Plants the mistake in the copy and takes it out again. */
  async hunt(copy: PlantedTree, mutant: Mutant): Promise<Verdict> {
    const { name, sentence } = mutant;
    const begun = performance.now();
    copy.plant(changedFiles(mutant, (path) => copy.read(path)));
    try {
      const caught = await this.#catch(copy, mutant);
      return { name, sentence, caught, seconds: Math.round((performance.now() - begun) / 100) / 10 };
    } finally {
      copy.restore();
    }
  }

  async #catch(copy: PlantedTree, mutant: Mutant): Promise<Verdict['caught']> {
    const { files: tests, durations, progress, isSimulationFirst } = this.#options;
    const lists = tests.testsOf(pathsOf(mutant));
    const isSimulated = this.#isSimulated(mutant);
    const ownFirst = isSimulated && !isSimulationFirst ? lists.own : [];
    if (ownFirst.length > 0) {
      const found = await this.#tested(copy, durations.sorted(ownFirst));
      if (found !== null) return { stage: 'own', ...found };
    }
    if (isSimulated) {
      progress(`${mutant.name}: the simulation`);
      const by = await this.#simulated(copy);
      if (by !== null) return { stage: 'simulation', by, file: null };
    }
    const wasRun = (path: string) =>
      ownFirst.includes(path) ||
      (isSimulated && (hasProgram(copy) ? path === SEEDED_TEST : tests.simulation.includes(path)));
    const stages = ['own', 'near', 'related', 'others'] as const;
    const files = stages.flatMap((stage) => durations.sorted(lists[stage].filter((path) => !wasRun(path))));
    if (files.length === 0) return null;
    progress(`${mutant.name}: ${files.length} test files`);
    const found = await this.#tested(copy, files);
    if (found === null) return null;
    const stage = stages.find((each) => found.file !== null && lists[each].includes(found.file));
    return { stage: stage ?? 'others', ...found };
  }

  #isSimulated(mutant: Mutant): boolean {
    const { files, seeds } = this.#options;
    return seeds > 0 && files.testsOf(pathsOf(mutant)).isSimulated;
  }

  async #simulated(copy: PlantedTree): Promise<string | null> {
    const result = await this.#simulate(copy);
    if (result.kind === 'passed') return null;
    await this.#control('the simulation', (control) => this.#simulate(control));
    return result.kind === 'failed' ? result.test : `the simulation broke: ${result.why}`;
  }

  /** The test that catches the mistake among these files; null if none does. */
  async #tested(
    copy: PlantedTree,
    files: readonly string[],
  ): Promise<{ readonly by: string; readonly file: string | null } | null> {
    const { durations } = this.#options;
    for (let left = files; left.length > 0; ) {
      const result = await this.#run(copy, left);
      durations.add(result.passedMs);
      if (result.kind === 'passed') return null;
      const passed = [...result.passedMs.keys()];
      left = left.filter((path) => !passed.includes(path));
      const seen = result.kind === 'failed' ? [result.file] : left;
      await this.#control(seen.join(' '), (control) => this.#run(control, seen));
      if (result.kind === 'broken') return { by: `the tests broke: ${result.why}`, file: null };
      // A test may be late because the machine is busy, so it has to be late twice.
      if (!result.isTimeout || (await this.#run(copy, seen)).kind !== 'passed')
        return { by: result.test, file: result.file };
      left = left.filter((path) => path !== result.file);
    }
    return null;
  }

  /** Checks, once, that the same passes without a mistake. Throws ControlError if it fails twice. */
  async #control(what: string, run: (control: PlantedTree) => Promise<RunResult>): Promise<void> {
    let result = this.#controls.get(what);
    if (result === undefined) {
      const { control } = this.#options;
      result = this.#inTurn(() => run(control)).then((first) =>
        first.kind === 'passed' ? first : this.#inTurn(() => run(control)),
      );
      this.#controls.set(what, result);
    }
    const ended = await result;
    if (ended.kind === 'passed') return;
    const why = ended.kind === 'failed' ? ended.test : ended.why;
    throw new ControlError(`Without any mistake, ${what} fails: ${why}`);
  }

  /** Runs one work at a time in the copy without a mistake. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #simulate(copy: PlantedTree): Promise<RunResult> {
    const { files, seeds, signal } = this.#options;
    if (!hasProgram(copy)) return this.#run(copy, files.simulation);
    const command = [SIMULATION, '--seeds', String(seeds), '--jobs', '1', '--shrink', 'no'];
    const ended = await runInCopy(copy.root, command, signal, { silenceMs: SIMULATION_SILENCE_MS });
    signal.throwIfAborted();
    const passedMs = new Map<string, number>();
    if (ended.isSilent) return { kind: 'broken', why: 'no sign of life', passedMs };
    if (ended.code === 0) return { kind: 'passed', passedMs };
    const test = /\bseed \d+.*? fails: .*/i.exec(ended.output)?.[0].slice(0, SHOWN_CHARACTERS);
    if (test === undefined) return { kind: 'broken', why: `exit code ${ended.code}`, passedMs };
    return { kind: 'failed', test, file: SIMULATION, isTimeout: false, passedMs };
  }

  async #run(copy: PlantedTree, files: readonly string[]): Promise<RunResult> {
    const { signal, run = runTests } = this.#options;
    const result = await run(copy.root, files, signal);
    signal.throwIfAborted();
    return result;
  }
}

/** Whether the tree has the command of the simulation. Without it the simulation's unit tests stand for it. */
function hasProgram(copy: PlantedTree): boolean {
  return existsSync(join(copy.root, SIMULATION));
}

function pathsOf({ files }: Mutant): string[] {
  return files.map(({ path }) => path);
}
