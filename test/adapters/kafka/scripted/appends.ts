import { expect } from 'vitest';
import type { PartitionOffset } from '../../../../src/core/offset.ts';
import type { AppendOptions, EventLogProducer } from '../../../../src/ports/event-log.ts';
import type { World } from './world.ts';

export type Settled =
  | { readonly kind: 'open' }
  | { readonly kind: 'resolved'; readonly offsets: readonly PartitionOffset[] }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string };

interface Append {
  /** A value names its record: no two records of a test have the same. */
  readonly values: readonly string[];
  settled: Settled;
  settledAtMs: number;
}

/** The appends of one producer, compared with the log afterwards. */
export class Appends {
  readonly producer: EventLogProducer;
  readonly all: Append[] = [];
  readonly #world: World;

  constructor(world: World, producer: EventLogProducer) {
    this.#world = world;
    this.producer = producer;
  }

  /** Appends one record for each pair of partition and value. Never rejects. */
  async append(
    records: readonly (readonly [partition: number, value: string])[],
    options?: AppendOptions,
  ): Promise<Settled> {
    const append: Append = {
      values: records.map(([, value]) => value),
      settled: { kind: 'open' },
      settledAtMs: -1,
    };
    this.all.push(append);
    const keyed = records.map(([partition, value]) =>
      this.#world.record(value, this.#world.keyOf(partition)),
    );
    append.settled = await this.producer.append(keyed, options).then(
      (offsets) => ({ kind: 'resolved', offsets }) as const,
      (error: { code?: unknown; message?: unknown }) =>
        ({ kind: 'rejected', code: String(error.code), message: String(error.message) }) as const,
    );
    append.settledAtMs = this.#world.clock.monotonicMs();
    return append.settled;
  }

  get isAllSettled(): boolean {
    return this.all.every(({ settled }) => settled.kind !== 'open');
  }

  /** Of two appends that resolved, the records of the first one come first in every partition of both. */
  expectInSequence(): void {
    const last = new Map<number, bigint>();
    for (const { settled } of this.all) {
      if (settled.kind !== 'resolved') continue;
      for (const { partition, offset } of settled.offsets) {
        expect(offset, `the append at ${partition}@${offset}`).toBeGreaterThan(last.get(partition) ?? -1n);
        last.set(partition, offset);
      }
    }
  }

  /** The places of this value in the log. */
  placesOf(value: string): string[] {
    return this.#world.places.flatMap((place) =>
      this.#world
        .committed(place)
        .filter((record) => record.value === value)
        .map(({ offset }) => `${place.partition}@${offset}`),
    );
  }

  /**
   * A resolved append has each record in the log once, at the offset that it told. A rejected one has none of them
   * twice, and none at all if it says so.
   */
  expectKept(): void {
    for (const { values, settled } of this.all) {
      values.forEach((value, index) => {
        const places = this.placesOf(value);
        if (settled.kind === 'resolved') {
          const told = settled.offsets[index];
          expect(places, value).toEqual([`${told?.partition}@${told?.offset}`]);
          return;
        }
        expect(places.length, `${value} ${JSON.stringify(settled)}`).toBeLessThanOrEqual(1);
        const saysNone = settled.kind === 'rejected' && settled.message.includes('are not in the log');
        if (saysNone && values.length === 1) expect(places, settled.message).toEqual([]);
      });
    }
  }
}

/** A family in memory, as a store keeps one for all instances. */
export function newFamily(): {
  join(name: string): Promise<void>;
  members(): Promise<string[]>;
  leave(name: string): Promise<void>;
} {
  const joined = new Set<string>();
  return {
    join: async (name) => void joined.add(name),
    members: async () => [...joined],
    leave: async (name) => void joined.delete(name),
  };
}
