import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliveryIdOf, repairIdOf } from '../../src/pipeline/delivery-id.ts';

describe('delivery id', () => {
  it('the delivery id stays what it was in every release, because ledgers and targets hold it', () => {
    expect(deliveryIdOf('order123', 2)).toBe('msg_order123:2');
    expect(deliveryIdOf('order 123', 2)).toBe('msg_-q-1emFYZVp12nmk2bUnNGjo7HaS1Y0TJ592EbuAsyM');
  });

  it('the delivery id names entity and version if the entity id is short and has common characters alone', () => {
    expect(deliveryIdOf('9f1c2b7e-0d1a-4c55-9f0e-2f4a7b1c3d5e', 17)).toBe(
      'msg_9f1c2b7e-0d1a-4c55-9f0e-2f4a7b1c3d5e:17',
    );
    expect(deliveryIdOf('a'.repeat(64), Number.MAX_SAFE_INTEGER)).toBe(
      `msg_${'a'.repeat(64)}:9007199254740991`,
    );
    for (const entityId of ['a'.repeat(65), 'a:1', 'a.1', 'a b', 'a\n', 'é', 'a"', 'a/b', 'A1', '']) {
      expect(deliveryIdOf(entityId, 1)).toMatch(/^msg_[A-Za-z0-9_-]{43}$/);
    }
  });

  it('the delivery id fits into a header for every entity id', () => {
    const anyId = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(anyId, fc.nat(), (entityId, version) => {
        expect(deliveryIdOf(entityId, version)).toMatch(
          /^msg_(?:[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{1,64}:\d{1,16})$/,
        );
      }),
    );
  });

  it('the delivery id differs for every pair of entity and version, also where their texts run together', () => {
    const pairs: readonly (readonly [string, number])[] = [
      ['a', 1],
      ['a', 2],
      ['a', 11],
      ['a1', 1],
      ['a1', 11],
      ['a:1', 1],
      ['a:1', 11],
      [deliveryIdOf('é', 1).slice(4), 1],
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

describe('the id of a repair', () => {
  it('names what it replaces, and stays what it was in every release', () => {
    const ids = [
      repairIdOf('order123', 2, 'abc'),
      repairIdOf('order123', 2, 'abd'),
      repairIdOf('order123', 3, 'abc'),
      repairIdOf('order124', 2, 'abc'),
      deliveryIdOf('order 123', 2),
    ];
    expect(ids[0]).toBe('msg_o_2On4VTkXOW7N4z-cnxigRx9UUjcX8D46saLFNEaQ8');
    for (const id of ids) expect(id).toMatch(/^msg_[A-Za-z0-9_-]{43}$/);
    expect(new Set(ids).size).toBe(5);
  });
});
