import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** `npm run mutation` names the test files of the part that it tests, as globs between spaces. */
const globsOf = (name: string) => (process.env[name] ?? '').split(' ').filter((glob) => glob !== '');

const timeoutMs = Number(process.env.MUTATION_TEST_TIMEOUT_MS ?? 30_000);

/** The first failure ends the run of a mutant, so the files that took longest when they ran last go last. */
class QuickestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const durationMs = (file: TestSpecification) =>
      this.ctx.cache.getTestSpecificationResult(file)?.duration ?? 0;
    return files.toSorted((one, other) => durationMs(one) - durationMs(other));
  }
}

export default defineConfig({
  test: {
    include: globsOf('MUTATION_TESTS'),
    exclude: ['**/*.int.test.ts', '**/*.e2e.test.ts', ...globsOf('MUTATION_LEFT_OUT')],
    setupFiles: ['test/mutation/setup.ts'],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    // Files share loaded modules, which makes the run of one mutant several times quicker.
    isolate: false,
    sequence: { sequencer: QuickestFirst },
  },
});
