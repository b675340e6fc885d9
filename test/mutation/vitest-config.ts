import { defineConfig } from 'vitest/config';

/** `npm run mutation` names the test files of the part that it tests, as globs between spaces. */
const globsOf = (name: string) => (process.env[name] ?? '').split(' ').filter((glob) => glob !== '');

const timeoutMs = Number(process.env.MUTATION_TEST_TIMEOUT_MS ?? 30_000);

export default defineConfig({
  test: {
    include: globsOf('MUTATION_TESTS'),
    exclude: ['**/*.int.test.ts', '**/*.e2e.test.ts', ...globsOf('MUTATION_LEFT_OUT')],
    setupFiles: ['test/mutation/setup.ts'],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    // Files share loaded modules, which makes the run of one mutant several times quicker.
    isolate: false,
  },
});
