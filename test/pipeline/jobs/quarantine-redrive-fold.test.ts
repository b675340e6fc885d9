import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { foldOf, modeOf, refuseOutdated } from '../../../src/pipeline/rebuild/view-mode.ts';
import { movements, TARGET, wrap } from '../ingest/harness.ts';
import { counted, create, done, keyless, placeWith, work } from './quarantine-work.ts';

const newer = { ...stockLedger, foldVersion: 2 };

describe('a redrive by a program with a newer fold', () => {
  it('shuts out the programs with an older fold before it journals events', async () => {
    const { place, ingest, refused } = await placeWith(movements('a', 2).map(keyless));
    await refused(2);
    await ingest.stop();
    const before = { view: await place.store.viewState(), checkpoints: await place.store.checkpoints() };
    await create(place.store, 'job', [{}]);
    work(await place.anotherStore(), newer);
    expect(await done(place.store, 'job')).toEqual(counted({ matched: 2, passed: 2, redriven: 2 }));

    await expect(refuseOutdated(place.store, foldOf(stockLedger))).rejects.toMatchObject({
      code: 'fold_outdated',
    });
    const after = await place.store.viewState();
    expect(modeOf(after, foldOf(newer))).toBe('awaiting');
    expect(after.epoch).toBeGreaterThan(before.view.epoch);
    for (const [index, { epoch }] of (await place.store.checkpoints()).entries())
      expect(epoch).toBeGreaterThan(before.checkpoints[index]?.epoch ?? epoch);
    // The rebuild makes the row and its delivery.
    expect((await place.store.readView(['a'])).get('a')).toMatchObject({ version: 2 });
    expect(await place.store.readDelivery(TARGET, 'a')).toBeNull();
  });

  it('commits under the epoch of the view that it planned for', async () => {
    const { place, ingest, refused } = await placeWith(movements('a', 2).map(keyless));
    await refused(2);
    await ingest.stop();
    await create(place.store, 'job', [{}]);
    const epochs: (number | undefined)[] = [];
    const store = await place.anotherStore();
    const watched = wrap(store, {
      commit: (request) => {
        epochs.push(request.viewEpoch);
        return store.commit(request);
      },
    });
    work(watched, newer);
    expect(await done(place.store, 'job')).toEqual(counted({ matched: 2, passed: 2, redriven: 2 }));
    const { epoch } = await place.store.viewState();
    expect(new Set(epochs)).toEqual(new Set([epoch]));
  });

  it('leaves the programs with an older fold alone in a dry run', async () => {
    const { place, refused } = await placeWith(movements('a', 2).map(keyless));
    await refused(2);
    await create(place.store, 'job', [{}], true);
    work(await place.anotherStore(), newer);
    expect(await done(place.store, 'job')).toEqual(counted({ matched: 2, passed: 2 }));
    expect(modeOf(await place.store.viewState(), foldOf(stockLedger))).toBe('current');
  });

  it('journals nothing once a program with a still newer fold has journaled events', async () => {
    const { place, refused } = await placeWith(movements('a', 2).map(keyless));
    await refused(2);
    await place.store.awaitFold(3);
    await create(place.store, 'job', [{}]);
    const logged: string[] = [];
    const worker = work(await place.anotherStore(), newer, (_, message) => logged.push(message));
    await expect.poll(() => logged.join(), { timeout: 60_000 }).toMatch(/rests for 60 s: .*fold version 3/);
    await worker.stop();
    expect(await place.store.counts()).toMatchObject({ journaledEvents: 0, quarantined: 2 });
  });
});
