import { expect, it } from 'vitest';
import { pointerOf } from '../../../src/pipeline/definition/standard-schema.ts';

it.each([
  [undefined, ''],
  [['lines', 2, 'sku'], '/lines/2/sku'],
  [[{ key: 'lines' }, { key: 0 }], '/lines/0'],
  [['a/b', 'c~d', '~1'], '/a~1b/c~0d/~01'],
])('pointerOf names the place %j by %s', (path, pointer) => {
  expect(pointerOf({ message: 'It is wrong.', ...(path === undefined ? {} : { path }) })).toBe(pointer);
});
