import { describe, expect, it, vi } from 'vitest';
import type { Store } from '../../src/ports/store.ts';
import { WAITING, wrap } from './ingest/harness.ts';
import { created, paid, SyncPlace } from './sync-place.ts';

const MISTAKE = new TypeError('x is not a function');

describe('a start that meets a defect', () => {
  it('a start that meets a defect before anything works is over, with an error', async () => {
    const place = await SyncPlace.make();
    const store = wrap(place.opened, { migrate: () => Promise.reject(MISTAKE) });
    await expect(place.sync({ store }).start()).rejects.toBe(MISTAKE);
  });

  it('deliveries go on while a defect keeps the topics from being looked at, and /readyz says so', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    await place.append(created('order-1'), paid('order-1', 'PAYMENT_AUTHORIZED', 1));
    const first = place.sync({ delivery: { enabled: false } });
    await first.start();
    await vi.waitFor(async () => expect((await place.store.counts()).deliveriesPending).toBe(1), WAITING);
    await first.stop();

    let isBroken = true;
    const log = wrap(place.log, {
      partitionCounts: (topics) => (isBroken ? Promise.reject(MISTAKE) : place.log.partitionCounts(topics)),
    });
    const sync = place.sync({ log });
    const started = sync.start();
    await vi.waitFor(() => expect(place.newest('order-1')).toBeDefined(), WAITING);
    await vi.waitFor(async () => expect((await sync.health()).ok).toBe(false), WAITING);
    expect(await sync.health()).toMatchObject({
      reason: expect.stringContaining(
        'A defect of Tributary stops the start: TypeError: x is not a function',
      ),
      summary: 'waiting: defect',
    });
    expect(sync.status().defects).toMatchObject({ latest: [{ place: 'the start', standsStill: true }] });
    expect(place.logged.filter((line) => line.startsWith('error: A defect of Tributary'))).toHaveLength(1);
    expect(place.logged.filter((line) => line.includes('Waiting:'))).toEqual([]);
    isBroken = false;
    await started;
    await vi.waitFor(async () => expect(await sync.health()).toMatchObject({ ok: true }), WAITING);
  });
});

describe('a running pipeline that meets a defect', () => {
  it('the pipeline is not ready while a defect stops one part, and the other parts go on', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    let isBroken = true;
    const store = wrap(place.opened, {
      async migrate(options) {
        const { store: migrated, report } = await place.opened.migrate(options);
        const broken = wrap<Store>(migrated, {
          claimDeliveries: (request) =>
            isBroken ? Promise.reject(MISTAKE) : migrated.claimDeliveries(request),
        });
        return { store: broken, report };
      },
    });
    const sync = place.sync({ store });
    await sync.start();
    await place.append(created('order-1'), paid('order-1', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(async () => expect((await place.store.counts()).journaledEvents).toBe(2), WAITING);
    expect(await sync.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining(
        'A defect of Tributary stops the claims of first attempts for order-mgt',
      ),
      summary: expect.stringContaining('program: a defect'),
    });
    isBroken = false;
    await vi.waitFor(() => expect(place.newest('order-1')).toBeDefined(), WAITING);
    await vi.waitFor(async () => expect(await sync.health()).toMatchObject({ ok: true }), WAITING);
    expect(sync.status().defects.count).toBeGreaterThan(1);
  });
});
