import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { MysqlHarness } from '../adapters/mysql/harness.ts';
import { services } from '../services/context.ts';
import { swarm } from './ingest-swarm.ts';

/** The same worlds as on SQLite; their stores are real servers, so that their statements are held to the books too. */
describe.each(['mysql', 'mariadb'] as const)('ingest in a simulated world on %s', (server) => {
  it.skipIf(services().lacks(server)).each([1, 2, 3, 4, 5, 6, 7, 8])(
    'nothing is lost, doubled or mixed up with seed %i',
    async (seed) => {
      const harness = new MysqlHarness(() => services()[server].url);
      try {
        const openStore = (targets: readonly string[]) => harness.open({ clock: systemClock, targets });
        const world = await swarm(seed, { openStore });
        expect(world.checker.commits).toBeGreaterThan(0);
      } finally {
        await harness.cleanup();
      }
    },
  );
});
