import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliveryIdOf } from '../../src/pipeline/delivery-id.ts';

describe('delivery id', () => {
  it('stays what it was in every release, because ledgers and targets hold it', () => {
    expect(deliveryIdOf('order123', 2)).toBe('msg_1C6fKNwN-4CGuef37zl9AxJIBriAhCLxX4Dih3HvExI');
  });

  it('fits into a header whatever the entity id holds', () => {
    const anyId = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(anyId, fc.nat(), (entityId, version) => {
        expect(deliveryIdOf(entityId, version)).toMatch(/^msg_[A-Za-z0-9_-]{43}$/);
      }),
    );
  });

  it('differs for every pair of entity and version, also where their texts run together', () => {
    const pairs: readonly (readonly [string, number])[] = [
      ['a', 1],
      ['a', 2],
      ['a', 11],
      ['1:a', 1],
      ['A', 1],
      ['a ', 1],
      ['é', 1],
      ['e\u0301', 1],
    ];
    expect(new Set(pairs.map(([entityId, version]) => deliveryIdOf(entityId, version))).size).toBe(
      pairs.length,
    );
  });
});
