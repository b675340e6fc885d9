import { defineConfig } from 'vitest/config';

const globalSetup = ['test/services/vitest-global-setup.ts'];
/** Tests that replace a module, or depend on the umask of the process, which other tests change. */
const ALONE = [
  'test/adapters/kafka/cluster/cluster.test.ts',
  'test/adapters/sqlite/durability.test.ts',
  'test/services/debian.test.ts',
  'test/apps/order-sync/commands/adopt.test.ts',
  'test/apps/event-producer/session.test.ts',
  'test/apps/order-sync/run-sync.test.ts',
  'test/apps/order-sync/targets/open-routes.test.ts',
  'test/apps/shared/parts/open-parts.test.ts',
  'test/apps/start/start.test.ts',
];

export default defineConfig({
  test: {
    // Tests with real services spend a good part of their time waiting, so two cores have work for three workers.
    maxWorkers: 3,
    pool: 'forks',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.int.test.ts', 'test/**/*.e2e.test.ts', ...ALONE],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          // Files share the modules that a worker has loaded, which saves a third of the time.
          isolate: false,
        },
      },
      {
        test: { name: 'alone', include: ALONE, testTimeout: 30_000, hookTimeout: 30_000 },
      },
      {
        test: {
          name: 'int',
          include: ['test/**/*.int.test.ts'],
          globalSetup,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          globalSetup,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
