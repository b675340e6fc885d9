import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type VerifyParts, verifyEntities } from '../../../src/pipeline/verify/repair.ts';
import type { ViewState } from '../../../src/ports/view-rebuild.ts';
import { SqliteHarness } from '../../adapters/sqlite/harness.ts';
import { FIRST, OrderWorld } from './order-world.ts';

const harness = new SqliteHarness();
let world: OrderWorld;

beforeEach(async () => {
  world = await OrderWorld.make(harness);
  await world.happens('a', 'o', 'pa');
  await world.deliver(FIRST);
  await harness.rawQuery("UPDATE orders SET payment_status = NULL WHERE order_id = 'a'");
});

afterEach(() => harness.cleanup());

/** The parts of a verification whose view is in one of these states at each look, the last one from then on. */
function partsWith(
  ...states: readonly Partial<ViewState>[]
): VerifyParts<never, never> & { readonly reads: () => number } {
  const parts = world.parts();
  let looks = 0;
  let reads = 0;
  const store = new Proxy(parts.store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (name === 'viewState')
        return async () => ({
          ...(await target.viewState()),
          ...states[Math.min(looks++, states.length - 1)],
        });
      if (name === 'readEntities') reads++;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return { ...parts, store, reads: () => reads } as never;
}

describe('a verification beside a rebuild', () => {
  it.each(['switching', 'settling'] as const)(
    'compares nothing while the view is %s, and may be tried again',
    async (phase) => {
      const parts = partsWith({ phase });
      const verifying = verifyEntities(parts, ['a'], true);
      await expect(verifying).rejects.toMatchObject({ code: 'view_switching', retryable: true });
      expect(parts.reads()).toBe(0);
    },
  );

  it('reports and repairs nothing if the view was exchanged during the comparison', async () => {
    const { epoch } = await world.store.viewState();
    const parts = partsWith({ epoch }, { epoch: epoch + 2 });
    const verifying = verifyEntities(parts, ['a'], true);
    await expect(verifying).rejects.toMatchObject({ code: 'view_switching', retryable: true });
    expect(parts.reads()).toBeGreaterThan(0);
    expect((await world.store.readView(['a'])).get('a')?.row[1]).toBeNull();
  });

  it('reports and repairs nothing if a switch began during the comparison', async () => {
    const verifying = verifyEntities(partsWith({}, { phase: 'switching' }), ['a'], true);
    await expect(verifying).rejects.toMatchObject({ code: 'view_switching' });
    expect((await world.store.readView(['a'])).get('a')?.row[1]).toBeNull();
  });

  it('refuses while the rows wait for a rebuild, because they are those of another fold', async () => {
    const verifying = verifyEntities(partsWith({ foldVersion: 0 }), ['a'], true);
    await expect(verifying).rejects.toMatchObject({ code: 'rebuild_refused' });
  });

  it('finds and repairs the row once the view is steady', async () => {
    const { differences } = await verifyEntities(partsWith({}), ['a'], true);
    expect(differences).toMatchObject([{ kind: 'row_altered', entityId: 'a', isRepaired: true }]);
    expect(await world.differences()).toEqual([]);
  });
});
