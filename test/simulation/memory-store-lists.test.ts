import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../src/core/text.ts';
import { DEAD_AT_MS, type DeliveryRow } from '../../src/testing/memory-store/delivery-row.ts';
import { DueIndex } from '../../src/testing/memory-store/due-index.ts';
import { SortedIds } from '../../src/testing/memory-store/sorted-ids.ts';
import { NASTY_IDS } from '../contract/store/fixtures.ts';
import { Chance } from './scheduler.ts';

describe('the ids of a simulated table', () => {
  it.each([1, 2, 3])('stand in the sequence of their bytes after any changes (seed %i)', (seed) => {
    const chance = new Chance(seed);
    const ids = new SortedIds();
    const model = new Set<string>();
    const any = () => `${chance.pick(NASTY_IDS)}${chance.integer(0, 9)}`;
    for (let turn = 0; turn < 2_000; turn++) {
      const id = any();
      if (!model.has(id)) ids.add(id);
      else if (chance.happens(0.5)) ids.delete(id);
      else continue;
      if (model.has(id)) model.delete(id);
      else model.add(id);
      if (!chance.happens(0.1)) continue;
      const sorted = [...model].sort(compareUtf8);
      expect(ids.list).toEqual(sorted);
      const after = any();
      expect(ids.behind(after, 5)).toEqual(sorted.filter((one) => compareUtf8(one, after) > 0).slice(0, 5));
      expect(ids.clone().list).toEqual(sorted);
    }
    expect(ids.behind(null, 3)).toEqual([...model].sort(compareUtf8).slice(0, 3));
  });
});

describe('the index of due deliveries in a simulated ledger', () => {
  const rowOf = (entityId: string, nextAttemptAt: number) => ({ entityId, nextAttemptAt }) as DeliveryRow;

  it.each([1, 2, 3])('keeps the rows sorted by time and id after any changes (seed %i)', (seed) => {
    const chance = new Chance(seed);
    const index = new DueIndex();
    let model: DeliveryRow[] = [];
    const compare = (left: DeliveryRow, right: DeliveryRow) =>
      left.nextAttemptAt - right.nextAttemptAt || compareUtf8(left.entityId, right.entityId);
    const anyTime = () => (chance.happens(0.1) ? DEAD_AT_MS : chance.integer(0, 50));
    for (let turn = 0; turn < 4_000; turn++) {
      if (chance.happens(turn < 2_000 ? 0.3 : 0.7) && model.length > 0) {
        const gone = chance.pick(model);
        index.remove(gone);
        model = model.filter((row) => row !== gone);
      } else {
        const row = rowOf(`${chance.pick(NASTY_IDS)} ${turn}`, anyTime());
        index.add(row);
        model.push(row);
      }
      if (turn % 97 !== 0) continue;
      model.sort(compare);
      expect(index.rows(Number.POSITIVE_INFINITY)).toEqual(model);
      expect(index.rows(3)).toEqual(model.slice(0, 3));
      const dead = model.filter(({ nextAttemptAt }) => nextAttemptAt === DEAD_AT_MS);
      expect(index.rows(2, true)).toEqual(dead.slice(0, 2));
      expect([index.size, index.dead, index.first]).toEqual([model.length, dead.length, model[0]]);
      const [time, id] = [anyTime(), chance.pick(NASTY_IDS)];
      const seen: DeliveryRow[] = [];
      index.visit(time, id, (row) => seen.push(row) < 4);
      const place = rowOf(id, time);
      expect(seen).toEqual(model.filter((row) => compare(row, place) >= 0).slice(0, 4));
    }
  });
});
