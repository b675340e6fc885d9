import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyMemory } from '../../../src/pipeline/ingest/body-memory.ts';
import { holds } from '../../helpers/properties.ts';

describe('the memory of bodies', () => {
  it('everybody gets enough, and nobody gets what somebody else has', () => {
    const bytes = fc.oneof(
      fc.integer({ min: 0, max: 1_500_000 }),
      fc.constantFrom(0, 1, 16_384, 16_385, 1_048_576, 1_048_577),
    );
    const step = fc.oneof(
      bytes.map((count) => ({ take: count })),
      fc.nat({ max: 50 }).map((give) => ({ give })),
    );
    holds(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const memory = new BodyMemory();
        const taken: Buffer[] = [];
        for (const each of steps) {
          if ('take' in each) {
            const given = memory.take(each.take);
            expect(given.length).toBeGreaterThanOrEqual(each.take);
            expect(taken.includes(given)).toBe(false);
            taken.push(given);
          } else if (taken.length > 0) {
            const [back] = taken.splice(each.give % taken.length, 1);
            memory.give(back as Buffer);
          }
        }
      }),
      200,
    );
  });

  it('what was given back is given out again, up to 8 MiB', () => {
    const memory = new BodyMemory();
    const taken = Array.from({ length: 10 }, () => memory.take(1_000_000));
    for (const each of taken) memory.give(each);
    const again = taken.map(() => memory.take(1_000_000));
    expect(again.filter((each) => taken.includes(each)).length).toBe(8);
  });

  it('memory of another size than it gives out is not kept', () => {
    const memory = new BodyMemory();
    for (const length of [0, 1_000, 20_000, 2 ** 21]) {
      const other = Buffer.alloc(length);
      memory.give(other);
      expect(memory.take(length)).not.toBe(other);
    }
  });
});
