import { describe, it, vi } from 'vitest';
import { freshSeed } from '../../../helpers/properties.ts';
import { swarm } from './swarm.ts';

vi.setConfig({ maxConcurrency: 8, testTimeout: 120_000 });

/** `SIMULATION_SEED=7 node bin/launch.mjs node_modules/vitest/vitest.mjs run --project unit test/adapters/kafka/scripted/swarm.test.ts` runs one seed. */
const asked = process.env.SIMULATION_SEED;
const fresh = freshSeed(690_996_427);
const seeds =
  asked === undefined
    ? [...Array.from({ length: Number(process.env.SIMULATION_SEEDS ?? 24) }, (_, index) => index + 1), fresh]
    : [Number(asked)];

describe('producers and readers of brokers that answer as a seed says', () => {
  if (asked === undefined) console.error(`The fresh seed of the swarm of Kafka clients is ${fresh}.`);

  it.concurrent.each(seeds)('no record is lost, doubled or out of sequence with seed %i', (seed) =>
    swarm(seed),
  );
});
