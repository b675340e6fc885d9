import type { TestSequencer, TestSpecification } from 'vitest/node';
import config from '../../../vitest.config.ts';

/** Runs the test files in the sequence in which the environment names them, so that the likeliest to fail come first. */
class InSequence implements TestSequencer {
  readonly #places: ReadonlyMap<string, number>;

  constructor() {
    const files = (process.env.MUTANTS_TEST_FILES ?? '').split('\n');
    this.#places = new Map(files.map((file, index) => [file, index]));
  }

  shard(files: TestSpecification[]): TestSpecification[] {
    return files;
  }

  sort(files: TestSpecification[]): TestSpecification[] {
    const placeOf = ({ moduleId }: TestSpecification) =>
      this.#places.get(moduleId) ?? Number.POSITIVE_INFINITY;
    return [...files].sort((left, right) => placeOf(left) - placeOf(right));
  }
}

export default { ...config, test: { ...config.test, sequence: { sequencer: InSequence } } };
