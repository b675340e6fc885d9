import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TopicPartition } from '../../../src/core/offset.ts';
import { PendingPieces, type Piece } from '../../../src/pipeline/ingest/pending.ts';
import { command, holds, sequences } from '../../helpers/properties.ts';

type Real = PendingPieces<never>;

const PARTITIONS: readonly TopicPartition[] = [
  { topic: 'a', partition: 0 },
  { topic: 'a', partition: 1 },
  { topic: 'b', partition: 0 },
];

/** The pieces of each partition in one list, in the sequence in which they came. */
class Model {
  readonly queues: Piece<never>[][] = PARTITIONS.map(() => []);
  readonly held = new Set<number>();
  pieces = 0;
  /** By partition: the pieces that were taken last, which a hold puts back. */
  lastTaken: Piece<never>[][] = PARTITIONS.map(() => []);

  get free(): Piece<never>[] {
    return this.queues.filter((_, index) => !this.held.has(index)).flat();
  }
}

const indexOf = ({ topic, partition }: TopicPartition) =>
  PARTITIONS.findIndex((one) => one.topic === topic && one.partition === partition);
const sumOf = (pieces: readonly Piece<never>[], what: 'consumed' | 'bytes') =>
  pieces.reduce((sum, piece) => sum + piece[what], 0);

function expectSame(model: Model, real: Real): void {
  const { free, held } = model;
  expect([real.isEmpty, real.isHoldingBack]).toEqual([free.length === 0, held.size > 0]);
  PARTITIONS.forEach((partition, index) => {
    expect(real.isHeld(partition)).toBe(held.has(index));
  });
  const [events, bytes] = [sumOf(free, 'consumed'), sumOf(free, 'bytes')];
  expect(real.isFull({ events, bytes: bytes + 1 })).toBe(true);
  expect(real.isFull({ events: events + 1, bytes })).toBe(true);
  expect(real.isFull({ events: events + 1, bytes: bytes + 1 })).toBe(false);
}

const pushes = fc
  .record({
    index: fc.nat({ max: PARTITIONS.length - 1 }),
    timestampMs: fc.constantFrom(Number.NEGATIVE_INFINITY, 0, 1, 2, 3, 4, 5, 1e15),
    consumed: fc.constantFrom(0, 1, 5, 10, 250),
    bytes: fc.constantFrom(0, 1, 100, 1_000),
  })
  .map(({ index, timestampMs, consumed, bytes }) =>
    command<Model, Real>(`${consumed} records of ${index} at ${timestampMs} come`, (model, real) => {
      const piece = {
        ...(PARTITIONS[index] as TopicPartition),
        toOffset: BigInt(++model.pieces),
        leaderEpoch: 0,
        timestampMs,
        lastTimestampMs: timestampMs,
        consumed,
        bytes,
        events: [],
        pack: { dropBodies: () => null },
        rejected: [],
      };
      real.push(piece);
      model.queues[index]?.push(piece);
      expectSame(model, real);
    }),
  );

const takes = fc
  .tuple(fc.constantFrom(1, 5, 20, 300, 1e9), fc.constantFrom(1, 150, 1_000, 1e9))
  .map(([events, bytes]) =>
    command<Model, Real>(`up to ${events} events and ${bytes} bytes are taken`, (model, real) => {
      const before = model.queues.map((queue) => [...queue]);
      const { free } = model;
      const taken = real.take({ events, bytes });
      expect(taken.length > 0).toBe(free.length > 0);
      if (taken.length > 1) {
        expect(sumOf(taken, 'consumed')).toBeLessThanOrEqual(events);
        expect(sumOf(taken, 'bytes')).toBeLessThanOrEqual(bytes);
      }
      model.lastTaken = PARTITIONS.map(() => []);
      // Each partition gives the pieces that came first, and a held one gives none.
      for (const piece of taken) {
        const index = indexOf(piece);
        expect(model.held.has(index)).toBe(false);
        expect(model.queues[index]?.shift()).toBe(piece);
        model.lastTaken[index]?.push(piece);
      }
      expectOldestFirst(model, before, taken, { events, bytes });
      expectSame(model, real);
    }),
  );

/** Behind the first piece of each partition, the oldest piece goes next, until the limits allow it no more. */
function expectOldestFirst(
  { held }: Model,
  before: readonly (readonly Piece<never>[])[],
  taken: readonly Piece<never>[],
  limits: { readonly events: number; readonly bytes: number },
): void {
  const queues = before.map((queue, index) => (held.has(index) ? [] : [...queue]));
  const given = queues.map(() => 0);
  const firsts = new Set(queues.flatMap(([first]) => first ?? []));
  let isFirstRound = true;
  for (const piece of [...taken, null]) {
    const heads = queues.flatMap(([head]) => head ?? []);
    isFirstRound &&= piece !== null && firsts.has(piece);
    if (!isFirstRound && heads.length > 0) {
      const oldestMs = Math.min(...heads.map(({ timestampMs }) => timestampMs));
      const oldest = heads.filter(({ timestampMs }) => timestampMs === oldestMs);
      const fewest = Math.min(...oldest.map((head) => given[indexOf(head)] ?? 0));
      const mayBeNext = oldest.filter((head) => given[indexOf(head)] === fewest);
      if (piece !== null) expect(mayBeNext).toContain(piece);
      else {
        const isOver = (head: Piece<never>) =>
          sumOf([...taken, head], 'consumed') > limits.events ||
          sumOf([...taken, head], 'bytes') > limits.bytes;
        expect(mayBeNext.some(isOver)).toBe(true);
      }
    }
    if (piece === null) return;
    const index = indexOf(piece);
    queues[index]?.shift();
    given[index] = (given[index] ?? 0) + piece.consumed;
  }
}

const partitions = fc.nat({ max: PARTITIONS.length - 1 });

const isHeldBack = fc.tuple(partitions, fc.boolean()).map(([index, putsBack]) =>
  command<Model, Real>(
    `partition ${index} is held back (with what was taken: ${putsBack})`,
    (model, real) => {
      const again = putsBack ? (model.lastTaken[index] ?? []) : [];
      real.hold(PARTITIONS[index] as TopicPartition, again);
      model.queues[index]?.unshift(...again);
      model.lastTaken[index] = [];
      model.held.add(index);
      expectSame(model, real);
    },
  ),
);

const isLetGo = partitions.map((index) =>
  command<Model, Real>(`partition ${index} is let go`, (model, real) => {
    real.letGo(PARTITIONS[index] as TopicPartition);
    model.held.delete(index);
    expectSame(model, real);
  }),
);

it('pieces leave once, in the sequence of their partition, the oldest first, and none that is held back', () => {
  const commands = [{ weight: 6, arbitrary: pushes }, { weight: 3, arbitrary: takes }, isHeldBack, isLetGo];
  holds(
    fc.property(sequences(commands, 60), (steps) => {
      fc.modelRun(() => ({ model: new Model(), real: new PendingPieces<never>() }), steps);
    }),
    250,
  );
});
