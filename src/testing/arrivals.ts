/** Random numbers from 0 to below 1, the same for the same seed. */
export interface Dice {
  random(): number;
}

const ALL_SUBSETS_UP_TO = 7;

/** All subsets of few items; of many, every beginning and some random ones. The smaller ones come first. */
export function subsetsOf<Item>(items: readonly Item[], dice: Dice, runs: number): Item[][] {
  if (items.length <= ALL_SUBSETS_UP_TO) {
    const all = Array.from({ length: 2 ** items.length }, (_, bits) =>
      items.filter((_item, index) => (bits >> index) % 2 === 1),
    );
    return all.sort((left, right) => left.length - right.length);
  }
  const beginnings = items.map((_, index) => items.slice(0, index + 1));
  const random = Array.from({ length: runs }, () => items.filter(() => dice.random() < 0.5));
  return [...items.map((item) => [item]), ...beginnings, ...random];
}

/** The items in a random sequence, some of them twice, cut into pieces: as records come that are late and repeated. */
export function arrivalOf<Item>(items: readonly Item[], dice: Dice): Item[][] {
  const repeated = [...items, ...items.filter(() => dice.random() < 0.4)];
  for (let index = repeated.length - 1; index > 0; index--) {
    const other = Math.floor(dice.random() * (index + 1));
    [repeated[index], repeated[other]] = [repeated[other] as Item, repeated[index] as Item];
  }
  const pieces: Item[][] = [];
  for (const item of repeated) {
    const last = pieces.at(-1);
    if (last === undefined || dice.random() < 0.5) pieces.push([item]);
    else last.push(item);
  }
  return pieces;
}

/** Removes items as long as the rest still fails. Each one that is left is needed. */
export function smallest<Item>(items: readonly Item[], fails: (items: readonly Item[]) => boolean): Item[] {
  let left = [...items];
  for (let index = 0; index < left.length; ) {
    const fewer = left.toSpliced(index, 1);
    if (fails(fewer)) {
      left = fewer;
      index = 0;
    } else index++;
  }
  return left;
}
