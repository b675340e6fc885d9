import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Linked, LinkedList } from '../../src/core/linked-list.ts';

class Item implements Linked<Item> {
  previous: Item | null = null;
  next: Item | null = null;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

it('the list equals an array, whatever is added and taken out', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('add' as const), fc.nat(20))), (steps) => {
      const list = new LinkedList<Item>();
      let expected: Item[] = [];
      const known: Item[] = [];
      for (const step of steps) {
        if (step === 'add') {
          const item = new Item(known.length);
          known.push(item);
          expected.push(item);
          list.add(item);
        } else if (known.length > 0) {
          const item = known[step % known.length] as Item;
          expect(list.delete(item)).toBe(expected.includes(item));
          expected = expected.filter((other) => other !== item);
          expect(item.previous ?? item.next).toBeNull();
        }
        expect([...list].map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
        expect(list.size).toBe(expected.length);
        expect(list.first).toBe(expected[0] ?? null);
      }
    }),
  );
});

it('the iteration goes on when the item that it gave is taken out', () => {
  const list = new LinkedList<Item>();
  for (let name = 0; name < 5; name++) list.add(new Item(name));
  const given: number[] = [];
  for (const item of list) {
    given.push(item.name);
    list.delete(item);
  }
  expect(given).toEqual([0, 1, 2, 3, 4]);
  expect(list.size).toBe(0);
});
