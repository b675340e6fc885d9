import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/ports/audit.ts';
import type { HoldPart } from '../../../src/ports/holds.ts';
import { type StoreHarness, TARGET, TOPIC, usePlace } from './fixtures.ts';

const PARTS: readonly HoldPart[] = [
  { kind: 'ingest' },
  { kind: 'topic', topic: TOPIC },
  { kind: 'partition', topic: TOPIC, partition: 0 },
  { kind: 'partition', topic: TOPIC, partition: 10 },
  // A target with the name of a topic is another part.
  { kind: 'target', target: TOPIC },
  { kind: 'target', target: TARGET },
];

const decision = (decidedAtMs: number, reason = 'the cluster moves — 😀'): Decision => ({
  decidedBy: "O'Brien",
  reason,
  decidedAtMs,
});

export function describeHolds(harness: StoreHarness): void {
  describe('holds', () => {
    const place = usePlace(harness);

    it('parts of every kind are held and released one by one, and every instance sees that', async () => {
      const other = await place.another();
      expect(await place.store.listHolds()).toEqual([]);
      for (const [index, part] of PARTS.entries())
        expect(await place.store.hold(part, decision(100 - index))).toBe(true);
      const held = PARTS.map((part, index) => ({
        part,
        heldBy: "O'Brien",
        reason: 'the cluster moves — 😀',
        heldAtMs: 100 - index,
      }));
      // The oldest comes first.
      expect(await other.listHolds()).toEqual(held.toReversed());
      for (const [index, part] of PARTS.entries()) {
        expect(await other.release(part, decision(200))).toBe(true);
        expect(await place.store.listHolds()).toEqual(held.slice(index + 1).toReversed());
      }
      const audit = await place.store.listAudit({ after: null, limit: 100 });
      expect(audit).toHaveLength(2 * PARTS.length);
      expect(audit[0]).toMatchObject({ action: 'released', subject: `target ${TARGET}`, decidedAtMs: 200 });
      expect(audit.at(-1)).toMatchObject({
        action: 'held',
        subject: 'all ingest',
        details: { part: { kind: 'ingest' } },
        decidedBy: "O'Brien",
        decidedAtMs: 100,
      });
    });

    it('a part that is held already keeps its first hold, and one that is not is not released', async () => {
      const [part = { kind: 'ingest' }] = PARTS;
      expect(await place.store.release(part, decision(1))).toBe(false);
      await place.store.hold(part, decision(1, 'first'));
      expect(await place.store.hold(part, decision(2, 'second'))).toBe(false);
      expect(await place.store.listHolds()).toMatchObject([{ reason: 'first', heldAtMs: 1 }]);
      expect(await place.store.listAudit({ after: null, limit: 100 })).toHaveLength(1);
    });

    it('one of many instances that hold a part at the same time holds it', async () => {
      const stores = [place.store, await place.another(), await place.another()];
      const held = await Promise.all(
        stores.map((store, index) => store.hold({ kind: 'ingest' }, decision(index))),
      );
      expect(held.filter((isNew) => isNew)).toHaveLength(1);
      expect(await place.store.listHolds()).toMatchObject([{ heldAtMs: held.indexOf(true) }]);
    });
  });
}
