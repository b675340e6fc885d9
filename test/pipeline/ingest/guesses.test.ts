import { expect, it } from 'vitest';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import type { Store } from '../../../src/ports/store.ts';
import { type Entry, movements, Place, recordOf, wrap } from './harness.ts';

it('an entity that was wrongly taken for new, after ten thousand new ones, keeps its history', async () => {
  const place = await Place.make({ movements: 1, counts: 1 });
  const crowd: Entry[] = Array.from({ length: 12_000 }, (_, index) => ({
    articleId: `article ${index}`,
    isCount: false,
    quantity: 1,
    minute: index,
  }));
  const outcomes: string[] = [];
  const store: Store = wrap(place.store, {
    commit: async (batch: IngestBatch) => {
      const outcome = await place.store.commit(batch);
      outcomes.push(outcome.kind);
      return outcome;
    },
  });
  const { ingest } = await place.start({ lanes: 1, batchEvents: 2_000, cacheEvents: 100, store });
  await place.append(crowd.map((entry) => recordOf(entry)));
  await place.settles(crowd);
  expect(new Set(outcomes)).toEqual(new Set(['committed']));
  // The cache no longer has the first article.
  const late = movements('article 0', 3, 50_000);
  await place.append(late.map((entry) => recordOf(entry)));
  await place.settles([...crowd, ...late]);
  expect(outcomes.filter((kind) => kind === 'stale')).toHaveLength(1);
  // The second try looked it up. Nobody else writes these entities, so none had to be locked.
  expect(ingest.status().lockingBatches).toBe(0);
});
