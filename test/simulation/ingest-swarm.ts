import type { Chance } from './scheduler.ts';
import type { StoreWeather } from './store-twin.ts';
import { COUNTS, MOVEMENTS, workload } from './workload.ts';
import {
  fairWeather,
  inWorld,
  SESSION_TIMEOUT_MS,
  type SimulatedTuning,
  type World,
  type WorldOptions,
} from './world.ts';

/** From the end of the last fault to the last commit: backoffs end at 15 s, sessions at 10 s. */
const RECOVERY_MS = 60_000;
/** A partition that met a defect rests for up to a minute before it is tried again. */
const DEFECT_REST_MS = 60_000;
const MOST_INSTANCES = 3;

export interface SwarmOptions extends Pick<WorldOptions, 'openStore'> {
  /** Whether the store goes back to an earlier state now and then, as after a failover or a restore. */
  readonly storeGoesBack?: boolean;
  /** Whether mistakes in the program strike calls of the store now and then. */
  readonly meetsDefects?: boolean;
  /** Whether operators pause partitions now and then. */
  readonly pauses?: boolean;
}

/**
 * One run: up to three instances, drawn numbers of partitions, lanes and batches, a stream that arrives in portions,
 * and between the portions anything that may befall a log, a store, a group or a process. In the end everything
 * heals, and everything has to be committed soon.
 */
export async function swarm(seed: number, options: SwarmOptions = {}): Promise<World> {
  const partitions = { movements: 1 + (seed % 4), counts: 1 + ((seed >> 2) % 4) };
  const { openStore, meetsDefects = false } = options;
  return inWorld({ seed, partitions, ...(openStore && { openStore }) }, async (world) => {
    const { chance } = world;
    const tuning: SimulatedTuning = {
      lanes: chance.integer(1, 4),
      batchEvents: chance.pick([5, 40, 200, 1_000]),
      cacheEvents: chance.pick([0, 50, 400, 10_000]),
      maxBufferedBytes: chance.pick([1 << 12, 1 << 16, 1 << 20]),
    };
    const stream = workload(chance, {
      events: chance.integer(300, 900),
      articles: chance.pick([3, 30, 300]),
      duplicates: 0.1,
      broken: 0.03,
      disorder: chance.pick([0, 20, 300]),
    });
    const strayKeys = chance.happens(0.3);
    world.network = {
      latencyMs: () => chance.number() * chance.pick([1, 4, 30]),
      fetchRecords: () => chance.pick([1, 7, 40, 300]),
    };
    if (meetsDefects) world.weather = drawWeather(chance, meetsDefects);
    world.start(tuning);
    let goBack: (() => void) | null = null;
    for (let from = 0; from < stream.length; ) {
      const count = chance.integer(1, 80);
      const portion = stream.slice(from, from + count);
      from += count;
      // A careless writer chooses partitions without looking at the key, so that lanes meet at one article.
      if (strayKeys) for (const each of portion) world.append([each], partitionFor(world, each.record.topic));
      else world.append(portion);
      if (options.storeGoesBack === true && chance.happens(0.25)) {
        goBack?.();
        goBack = goBack === null ? world.snapshot() : null;
      }
      if (options.pauses === true && chance.happens(0.4)) world.togglePause(chance.pick(world.partitions));
      await befall(world, tuning, meetsDefects);
      await world.run(chance.number() * chance.pick([2, 20, 400]));
    }
    world.heal();
    if (world.instances.length === 0) world.start(tuning);
    await world.settles(RECOVERY_MS + (meetsDefects ? DEFECT_REST_MS : 0));
  });
}

function partitionFor(world: World, topic: string) {
  return world.chance.pick(world.log.partitionsOf(topic));
}

/** Draws one event of the world, or none, and lets it happen. */
async function befall(world: World, tuning: SimulatedTuning, meetsDefects: boolean): Promise<void> {
  const { chance, instances, partitions } = world;
  const anybody = instances.length > 0 ? chance.pick(instances) : undefined;
  if (anybody === undefined) {
    world.start(tuning);
    return;
  }
  switch (chance.integer(0, 16)) {
    case 0:
    case 1:
      world.weather = drawWeather(chance, meetsDefects);
      return;
    case 2:
      world.weather = fairWeather(chance);
      return;
    case 3:
    case 4:
      if (instances.length < MOST_INSTANCES) world.start(tuning);
      return;
    case 5:
      void world.stop(anybody);
      return;
    case 6:
      world.kill(anybody);
      return;
    case 7:
      world.freeze(anybody, chance.number() * chance.pick([100, 2 * SESSION_TIMEOUT_MS]));
      return;
    case 8:
    case 9:
      world.note('the group is shuffled');
      world.log.shareOut((_, members) => chance.pick(members));
      return;
    case 10:
      await world.fence(partitions.filter(() => chance.happens(0.5)));
      return;
    case 11:
      for (const partition of partitions) if (chance.happens(0.5)) partition.skip(chance.integer(1, 30));
      return;
    case 12:
      if (chance.happens(0.3)) {
        const topic = chance.pick([MOVEMENTS, COUNTS]);
        world.log.addPartitions(topic, Math.min(5, world.log.partitionsOf(topic).length + 1));
      }
      return;
    case 13:
    case 14: {
      // The next record of this partition cannot be read, or what is oldest is deleted before it is journaled.
      const partition = chance.pick(partitions);
      if (chance.happens(0.7)) partition.corrupt.add(partition.endOffset);
      else partition.deleteBefore(partition.endOffset - (partition.endOffset - partition.startOffset) / 8n);
      return;
    }
    case 15:
      await world.decide();
      return;
    default:
      // A while of peace, so that lanes fill up.
      await world.run(chance.number() * 2_000);
  }
}

/** A store that is slow, refuses, or breaks off, now and then or most of the time. */
export function drawWeather(chance: Chance, meetsDefects = false): StoreWeather {
  const slowness = chance.pick([1, 10, 200]);
  const [refused, lost] = [chance.pick([0, 0.1, 0.5]), chance.pick([0, 0.1, 0.3])];
  const erring = meetsDefects ? chance.pick([0.02, 0.1]) : 0;
  return {
    latencyMs: () => chance.number() * slowness,
    fate: () => {
      const drawn = chance.number();
      if (drawn < refused) {
        const code = chance.pick(['store_busy', 'store_busy', 'store_unreachable', 'store_failed'] as const);
        return { kind: 'refuses', code };
      }
      if (drawn < refused + lost) return { kind: 'loses_answer', isDone: chance.happens(0.5) };
      if (drawn < refused + lost + erring) return { kind: 'errs', isDone: chance.happens(0.5) };
      return { kind: 'answers' };
    },
  };
}
