import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { swarm } from './ingest-swarm.ts';

// A seed needs less than a second of real time on an idle machine.
vi.setConfig({ testTimeout: 90_000 });

/** `SIMULATION_SEED=7 node bin/launch.mjs node_modules/vitest/vitest.mjs run --project unit test/simulation` runs one seed. */
const asked = process.env.SIMULATION_SEED;
const seeds =
  asked === undefined
    ? Array.from({ length: Number(process.env.SIMULATION_SEEDS ?? 40) }, (_, index) => index + 1)
    : [Number(asked)];

describe('ingest in a simulated world', () => {
  it.each(seeds)('nothing is lost, doubled or mixed up with seed %i', async (seed) => {
    // In every third world the store goes back in time as well.
    const world = await swarm(seed, { storeGoesBack: seed % 3 === 0 });
    expect(world.checker.commits).toBeGreaterThan(0);
  });

  it.each(seeds.slice(0, 12))('nothing is lost or doubled by defects with seed %i', async (seed) => {
    const world = await swarm(seed, { storeGoesBack: seed % 3 === 0, meetsDefects: true });
    expect(world.checker.commits).toBeGreaterThan(0);
  });

  it.each(seeds.slice(0, 8))('nothing is lost or doubled by pauses with seed %i', async (seed) => {
    const world = await swarm(seed, { storeGoesBack: seed % 3 === 0, pauses: true });
    expect(world.checker.commits).toBeGreaterThan(0);
    expect(world.trace.some((line) => line.endsWith('is paused'))).toBe(true);
  });

  it('the defects of a simulated world are logged', async () => {
    const { trace } = await swarm(7, { meetsDefects: true });
    expect(trace.filter((line) => line.includes('a defect strikes')).length).toBeGreaterThan(1);
    expect(trace.some((line) => line.includes('error: A defect of Tributary'))).toBe(true);
  });

  it('the same seed gives the same run each time', async () => {
    const traces = [await swarm(7), await swarm(7)].map(({ trace }) =>
      createHash('sha256').update(trace.join('\n')).digest('hex'),
    );
    expect(traces[0]).toBe(traces[1]);
  });
});
