import { expect } from 'vitest';
import { Chance } from '../../../simulation/scheduler.ts';
import { Appends, newFamily } from './appends.ts';
import { Code } from './codes.ts';
import { type ApiName, apiNames } from './messages.ts';
import type { Place } from './places.ts';
import { possibleErrors, withoutThose } from './possible-errors.ts';
import type { Reader } from './reader.ts';
import type { Action } from './script.ts';
import { inWorld, type World } from './world.ts';

/*
 * Producers append, and two members of a group read, while brokers answer as a seed says and leaders, coordinators,
 * members and connections come and go. Afterwards brokers answer well, and everything has to be right: each record that
 * was acknowledged is read once, in sequence.
 */

/** A broker may say these only if it is so: readers halt at them. */
const halting = ['OFFSET_OUT_OF_RANGE', 'CORRUPT_MESSAGE'] as const;
/** After these errors the broker may have appended the records. */
const unclear: readonly number[] = [
  Code.UNKNOWN_TOPIC_OR_PARTITION,
  Code.NOT_LEADER_OR_FOLLOWER,
  Code.REQUEST_TIMED_OUT,
  Code.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  Code.KAFKA_STORAGE_ERROR,
];

interface Refusal {
  readonly api: ApiName;
  readonly at: Place;
  readonly code: number;
}

const refusals: readonly Refusal[] = apiNames.flatMap((api) =>
  Object.entries(possibleErrors[api]).flatMap(([at, names]) =>
    withoutThose(names, halting).map(([, code]) => ({ api, at: at as Place, code })),
  ),
);

class Swarm {
  readonly #chance: Chance;
  readonly #world: World;
  readonly #appends: Appends[];
  #readers: Reader[] = [];
  readonly #going: Promise<unknown>[] = [];
  #count = 0;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    this.#appends = [
      new Appends(world, world.log.producer()),
      new Appends(world, world.openAnother().producer({ family: newFamily() })),
    ];
  }

  async run(): Promise<void> {
    this.#readers = [await this.#newReader(), await this.#newReader()];
    for (let step = 0; step < 40; step++) {
      await this.#step();
      await this.#world.clock.sleep(this.#chance.integer(0, 60));
    }
    await this.#heal();
    await this.#world.until(
      () => this.#appends.every(({ isAllSettled }) => isAllSettled),
      'every append settled',
    );
    await Promise.all(this.#going);
    await this.#world.allRead();
    await this.#world.until(() => this.#readers.every(({ consumer }) => consumer.health().ok), 'all is well');
    for (const appends of this.#appends) {
      appends.expectKept();
      appends.expectInSequence();
    }
    expect(this.#world.readers.flatMap(({ faults }) => faults)).toEqual([]);
  }

  async #newReader(): Promise<Reader> {
    const { clock } = this.#world;
    const pause = (): Promise<void> => clock.sleep(this.#chance.integer(0, 30));
    return this.#world.reader({ pause }).start();
  }

  async #step(): Promise<void> {
    const { cluster, group, places } = this.#world;
    const place = this.#chance.pick(places);
    const kind = this.#chance.integer(0, 19);
    if (kind < 9) this.#append();
    else if (kind < 13) this.#refuse();
    else if (kind < 15) this.#spoil();
    else if (kind === 15) cluster.electNext(place);
    else if (kind === 16) cluster.elect(place, -1);
    else if (kind === 17) this.#transact();
    else if (kind === 18) this.#chance.pick(cluster.brokers).closeConnections();
    else await this.#changeGroup(group);
  }

  #append(): void {
    const appends = this.#chance.pick(this.#appends);
    const records = Array.from({ length: this.#chance.integer(1, 4) }, () => {
      const { partition } = this.#chance.pick(this.#world.places);
      return [partition, `value ${this.#count++}`] as const;
    });
    this.#going.push(appends.append(records));
  }

  /** Brokers answer some requests with an error. */
  #refuse(): void {
    const { api, at, code } = this.#chance.pick(refusals);
    const effect = api === 'Produce' && unclear.includes(code) && this.#chance.happens(0.5) ? 'done' : 'none';
    this.#world.script.add({
      api,
      times: this.#chance.integer(1, 4),
      chance: this.#chance.pick([0.5, 1]),
      ...(at === 'partition' && this.#chance.happens(0.5)
        ? { on: this.#chance.pick(this.#world.places) }
        : {}),
      does: { kind: 'error', at, code, effect },
    });
  }

  /** Brokers answer some requests late, in part, or not at all. */
  #spoil(): void {
    const effect = this.#chance.pick(['none', 'done'] as const);
    const does = this.#chance.pick<Action<ApiName>>([
      { kind: 'close', effect },
      { kind: 'silence', effect },
      { kind: 'cut' },
      { kind: 'short' },
      { kind: 'delay', ms: this.#chance.integer(10, 500) },
    ]);
    this.#world.script.add({ api: this.#chance.pick(apiNames), times: this.#chance.integer(1, 2), does });
  }

  /** A transaction of another program begins, or the last one ends. */
  #transact(): void {
    const { cluster } = this.#world;
    const place = this.#chance.pick(this.#world.places);
    const producerId = BigInt(7 + place.partition);
    const isOpen = cluster.log(place).lastStableOffset < cluster.log(place).endOffset;
    if (isOpen) cluster.endTransaction(place, producerId, this.#chance.pick(['commit', 'abort']));
    else cluster.write(place, [`of a transaction ${this.#count++}`], producerId);
  }

  async #changeGroup(name: string): Promise<void> {
    const { cluster } = this.#world;
    const group = cluster.group(name);
    switch (this.#chance.integer(0, 3)) {
      case 0:
        group.rebalance();
        return;
      case 1:
        cluster.moveCoordinator(name, this.#chance.pick(cluster.nodeIds));
        return;
      case 2:
        if (group.memberIds.length > 0) group.evict(this.#chance.pick(group.memberIds));
        return;
      default: {
        const [gone, ...others] = this.#chance.shuffled(this.#readers);
        this.#readers = [...others, await this.#newReader()];
        if (gone !== undefined) this.#going.push(gone.close());
      }
    }
  }

  async #heal(): Promise<void> {
    const { cluster, script, places } = this.#world;
    script.clear();
    for (const place of places) {
      if (cluster.partition(place).leader < 0) cluster.electNext(place);
      const producerId = BigInt(7 + place.partition);
      if (cluster.log(place).lastStableOffset < cluster.log(place).endOffset)
        cluster.endTransaction(place, producerId, 'abort');
    }
  }
}

/** Fails with the seed in its message. */
export async function swarm(seed: number): Promise<void> {
  const chance = new Chance(seed);
  const nodeIds = Array.from({ length: chance.integer(1, 3) }, (_, index) => index + 1);
  const log = {
    requestTimeoutMs: 1_000,
    deliveryTimeoutMs: 3_000,
    sessionTimeoutMs: 2_000,
    rebalanceTimeoutMs: 2_500,
  };
  try {
    await inWorld({ seed, nodeIds, partitions: chance.integer(1, 4), log }, (world) =>
      new Swarm(world, chance).run(),
    );
  } catch (error) {
    throw new Error(`The swarm of seed ${seed} failed: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}
