import { describe, expect, it } from 'vitest';
import { ParkedRegistry } from '../../../src/pipeline/ingest/parked.ts';
import type { ParkedEntity } from '../../../src/ports/parked-entities.ts';

/** A store with these parked entities. `onPage` is called before each page is read. */
function storeWith(ids: readonly string[], onPage: () => void = () => {}) {
  const sorted = [...ids].sort();
  return {
    async listParked({ after, limit }: { readonly after: string | null; readonly limit: number }) {
      onPage();
      const behind = sorted.filter((id) => after === null || id > after).slice(0, limit);
      return behind.map(
        (entityId): ParkedEntity => ({ entityId, reason: 'fold_failed', detail: '', parkedAtMs: 1 }),
      );
    },
  };
}

const idOf = (number: number) => `order ${String(number).padStart(6, '0')}`;

describe('the registry of parked entities', () => {
  it('knows every parked entity, however many there are, so that none of them goes on without a command', async () => {
    const ids = Array.from({ length: 23_456 }, (_, number) => idOf(number));
    const registry = new ParkedRegistry();
    await registry.load(storeWith(ids));
    expect(registry.size).toBe(ids.length);
    expect(ids.filter((id) => !registry.has(id))).toEqual([]);
  });

  it('forgets a released entity at the next load, and keeps one that is parked during the load', async () => {
    const registry = new ParkedRegistry();
    await registry.load(storeWith([idOf(1), idOf(2)]));
    const later = storeWith([idOf(2)], () => registry.add([idOf(0)]));
    await registry.load(later);
    expect([0, 1, 2].map((number) => registry.has(idOf(number)))).toEqual([true, false, true]);
    await registry.load(storeWith([]));
    expect(registry.size).toBe(0);
  });
});
