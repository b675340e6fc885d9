import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { History } from '../../../src/core/fold.ts';
import { hashCharacters, KeyPack, PackedKey } from '../../../src/core/key-pack.ts';
import { HistoryCache } from '../../../src/pipeline/ingest/history-cache.ts';

type Text = History<string, string>;

function history(length: number, state = ''): Text {
  const events = Array.from({ length }, (_, index) => ({
    position: 1,
    occurredAtMs: index,
    cautionRank: 0,
    eventId: `event-${index}`,
    contentHash: '00',
    event: 'happened',
  }));
  return { events, state };
}

describe('the cache of histories', () => {
  it('the cache holds no more events than its limit, whatever is put in and read', () => {
    const step = fc.record({
      verb: fc.constantFrom('get', 'set', 'set', 'set', 'clear'),
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      length: fc.integer({ min: 0, max: 8 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 0, max: 24 }),
        (steps, maxEvents) => {
          const cache = new HistoryCache<string, string>(maxEvents);
          const longest = new Map<string, number>();
          for (const { verb, id, length } of steps) {
            if (verb === 'clear') {
              cache.clear();
              longest.clear();
            } else if (verb === 'set') {
              cache.set(id, history(length));
              // A history that was forgotten may come back shorter.
              longest.set(id, Math.max(length, cache.get(id)?.events.length ?? 0));
            } else {
              const found = cache.get(id)?.events.length;
              expect([undefined, longest.get(id)]).toContain(found);
            }
            expect(cache.events).toBeLessThanOrEqual(maxEvents);
          }
        },
      ),
    );
  });

  it('a history that is used stays, and one that is not used is forgotten', () => {
    const cache = new HistoryCache<string, string>(20);
    cache.set('unused', history(1));
    cache.set('used', history(1));
    for (let other = 0; other < 100; other++) {
      cache.set(`other-${other}`, history(1));
      expect(cache.get('used')).toBeDefined();
    }
    expect(cache.get('unused')).toBeUndefined();
    expect(cache.get('other-99')).toBeDefined();
    expect(cache.get('other-0')).toBeUndefined();
  });

  it('the histories used last have room, up to half of the limit', () => {
    const cache = new HistoryCache<string, string>(20);
    for (let other = 0; other < 33; other++) cache.set(`other-${other}`, history(3));
    for (const id of ['a', 'b', 'c', 'd', 'e']) cache.set(id, history(2));
    for (const id of ['a', 'b', 'c', 'd', 'e']) expect(cache.get(id), id).toBeDefined();
  });

  it('an entity that grew is counted once, by its new length', () => {
    const cache = new HistoryCache<string, string>(12);
    cache.set('other', history(1));
    for (let length = 1; length <= 5; length++) cache.set('grown', history(length));
    expect(cache.get('other')).toBeDefined();
    expect(cache.get('grown')?.events).toHaveLength(5);
    expect(cache.events).toBe(6);
  });

  it('the longer of two histories of an entity is kept, whichever comes last', () => {
    const cache = new HistoryCache<string, string>(10);
    cache.set('a', history(3, 'newer'));
    cache.set('a', history(2, 'older'));
    expect(cache.get('a')?.state).toBe('newer');
    cache.set('a', history(4, 'newest'));
    expect(cache.get('a')?.state).toBe('newest');
  });

  it('a history that outgrows the whole cache is not kept in part', () => {
    const cache = new HistoryCache<string, string>(10);
    cache.set('a', history(5));
    cache.set('a', history(11));
    expect(cache.get('a')).toBeUndefined();
    expect(cache.events).toBe(0);
  });

  it('a cache without room keeps no events', () => {
    const cache = new HistoryCache<string, string>(0);
    cache.set('a', history(1));
    expect(cache.get('a')).toBeUndefined();
  });

  it('a cleared cache has its whole room again, and accepts shorter histories too', () => {
    const cache = new HistoryCache<string, string>(10);
    cache.set('a', history(5));
    cache.clear();
    expect(cache.get('a')).toBeUndefined();
    expect(cache.events).toBe(0);
    cache.set('a', history(1, 'restored'));
    expect(cache.get('a')?.state).toBe('restored');
  });

  it('a long history is weighed by the events it holds, and replaced by its version', () => {
    const cache = new HistoryCache<string, string>(20);
    const last = history(1).events[0] ?? null;
    const long = (count: number, held: number) => ({
      ...history(held, `version ${count + held}`),
      earlier: { count, last, state: '' },
    });
    cache.set('other', history(2));
    cache.set('long', long(1_000_000, 8));
    expect(cache.get('long')?.state).toBe('version 1000008');
    expect(cache.get('other')).toBeDefined();
    cache.set('long', long(1_000_004, 5));
    expect(cache.get('long')?.state).toBe('version 1000009');
    cache.set('long', history(10, 'an older one'));
    expect(cache.get('long')?.state).toBe('version 1000009');
  });

  it('the cache takes about as many bytes as it may, and no more', () => {
    const limit = 64 * 1024;
    const cache = new HistoryCache<string, string>(1_000_000, limit);
    let most = 0;
    for (let entity = 0; entity < 2_000; entity++) {
      cache.set(`entity-${entity}`, history(1 + (entity % 5)));
      most = Math.max(most, cache.bytes);
      expect(cache.bytes).toBeLessThanOrEqual(limit);
    }
    expect(most).toBeGreaterThan(0.8 * limit);
    cache.set('large', history(1_000));
    expect(cache.get('large')).toBeUndefined();
  });

  it('an entry in use keeps no pack of a generation that is gone', () => {
    const cache = new HistoryCache<string, string>(20);
    const first = new KeyPack(1, 100);
    const index = first.addKey(1, 2, 3, 'event-1', hashCharacters('ab'.repeat(32)));
    cache.set('used', { events: [new PackedKey(first, index, 'happened')], state: '' });
    const packOf = () => {
      const [event] = cache.get('used')?.events ?? [];
      expect(event).toMatchObject({ position: 1, occurredAtMs: 2, cautionRank: 3, eventId: 'event-1' });
      return event instanceof PackedKey ? event.pack : undefined;
    };
    expect(packOf()).toBe(first);
    const packs = new Set<KeyPack | undefined>();
    for (let other = 0; other < 60; other++) {
      cache.set(`other-${other}`, history(1));
      packs.add(packOf());
    }
    expect(packs.size).toBeGreaterThan(3);
    expect(packOf()).not.toBe(first);
  });

  it('a history that was in use while the generation changed keeps no old pack either', () => {
    const cache = new HistoryCache<string, string>(20);
    const first = new KeyPack(1, 100);
    const index = first.addKey(1, 2, 3, 'event-1', hashCharacters('ab'.repeat(32)));
    const held = { events: [new PackedKey(first, index, 'happened')], state: '' };
    cache.set('used', held);
    for (let other = 0; other < 30; other++) cache.set(`other-${other}`, history(1));
    cache.set('used', held);
    const [event] = cache.get('used')?.events ?? [];
    expect(event instanceof PackedKey && event.pack !== first).toBe(true);
  });
});
