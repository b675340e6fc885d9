import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../../checks/lib/random.ts';
import { created, expectRightAt, paid } from './orders.ts';
import { buggyOrders, fixedOrders, type Happening, type Program, STATUSES, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.close());

describe('random histories', () => {
  it.each(Array.from({ length: 8 }, (_, index) => index + 1))(
    'end with the rows of the fold and the same states at the target (seed %i)',
    async (seed) => {
      const random = new Random(seed);
      const ids = Array.from({ length: 8 }, (_, index) => `order-${index}`);
      let minute = 0;
      const some = (): Happening[] =>
        Array.from({ length: 1 + random.below(6) }, () => {
          const orderId = random.pick(ids);
          if (random.chance(0.3)) return created(orderId);
          return paid(orderId, random.pick(STATUSES), random.chance(0.2) ? random.below(20) : ++minute + 20);
        });
      const loses = () => random.chance(0.2);
      const live = async (program: Program, turns: number) => {
        for (let turn = 0; turn < turns; turn++) {
          while (!(await program.journal(some())));
          if (random.chance(0.6)) await program.send(await program.claim(), loses);
          if (random.chance(0.3)) world.nowMs += 5_000;
        }
      };
      const old = await world.program(buggyOrders);
      await live(old, 5);
      const untouched = [...(await old.rows())];
      const program = await world.program(fixedOrders);
      await live(program, random.below(3));
      const touched = await program.rows();
      await program.work('build', 'rebuild-1');
      await live(program, random.below(3));
      const claimed = random.chance(0.5) ? await program.claim() : [];
      const before = await program.rows();
      const requests = world.target.requests.length;
      const heldBefore = new Map(world.target.held);
      const pending = await pendingOf(program);
      await program.work('switch', 'rebuild-1');
      await program.view.refresh();
      await program.send(claimed, loses);
      const rows = await program.rows();
      await live(program, random.below(2));
      world.nowMs += 60_000;
      await program.deliverAll();
      world.nowMs += 60_000;
      await program.deliverAll();
      await expectRightAt(world, program);

      // An order that the rebuild did not change and that gained no event afterwards is not sent again.
      const after = await program.rows();
      for (const [orderId, { row, version }] of untouched) {
        const isSame =
          before.get(orderId)?.version === version &&
          after.get(orderId)?.version === version &&
          JSON.stringify(rows.get(orderId)?.row) === JSON.stringify(row);
        const wasHeld = JSON.stringify(heldBefore.get(orderId)?.row) === JSON.stringify(row);
        if (!isSame || !wasHeld || pending.has(orderId)) continue;
        const sent = world.target.requests.slice(requests).filter(({ entityId }) => entityId === orderId);
        expect(
          sent.filter((one) => !claimed.includes(one)),
          orderId,
        ).toEqual([]);
      }
      expect(touched.size).toBeGreaterThan(0);
    },
  );
});

/** The orders whose delivery was due before the switch, or under way with an answer that was lost. */
async function pendingOf(program: Program): Promise<Set<string>> {
  const filter = {
    target: null,
    entityId: null,
    status: 'pending',
    lastStatus: null,
    errorPrefix: null,
    dueSinceFromMs: null,
    dueSinceBeforeMs: null,
  } as const;
  const found = await program.store.listDeliveries({ filter, after: null, limit: 100 });
  return new Set(found.map(({ entityId }) => entityId));
}
