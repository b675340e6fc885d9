import { describe, expect, it } from 'vitest';
import { type StoreHarness, usePlace } from './fixtures.ts';

export function describeIdentity(harness: StoreHarness): void {
  describe('the identity of a store', () => {
    const place = usePlace(harness);

    it('the id of a store is a UUID, and the same for every instance', async () => {
      const id = await place.store.storeId();
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
      expect(await (await place.another()).storeId()).toBe(id);
    });

    it('a decision that a group continues with this store is recorded', async () => {
      const decision = { group: 'order-sync', decidedBy: 'ops', reason: 'a new database', decidedAtMs: 7 };
      const formerStore = '00000000-0000-4000-8000-000000000000';
      await place.store.noteGroupTaken({ ...decision, formerStore });
      await place.store.noteGroupTaken({ ...decision, formerStore: null });
      const rows = await harness.rawQuery(
        'SELECT group_name, former_store, decided_by, reason, decided_at FROM group_decisions ORDER BY decision_id',
      );
      expect(rows.map((row) => Object.values(row).map(String))).toEqual([
        ['order-sync', formerStore, 'ops', 'a new database', '7'],
        ['order-sync', 'null', 'ops', 'a new database', '7'],
      ]);
    });
  });
}
