import { describe, expect, it, vi } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import type { AcquireRequest } from '../../../src/ports/checkpoints.ts';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import type { LongJournals } from '../../../src/ports/long-journals.ts';
import { type Instance, movements, Place, recordOf, WAITING, wrap } from './harness.ts';

// In the two partitions of the movements: see the test that says so.
const ENTRIES = [...movements('bolt', 40), ...movements('nut', 40), ...movements('gear', 40)];
const [BROKEN, WELL] = ['stock_movements/0', 'stock_movements/1'];

/** A broken promise in our own code, as the language reports it. */
function mistake(): never {
  return (undefined as unknown as { entity(): never }).entity();
}

function linesOf({ logged }: Instance, text: string): string[] {
  return logged.filter((line) => line.includes(text));
}

async function committed(place: Place, name: string): Promise<number> {
  return (await place.offsets())[name] ?? 0;
}

/** Two partitions of movements with records in both, in one lane. */
async function twoPartitions(): Promise<Place> {
  const place = await Place.make({ movements: 2, counts: 1 });
  await place.append(ENTRIES.map((entry) => recordOf(entry)));
  return place;
}

describe('ingest that meets a defect', () => {
  it.each([
    [
      'in the plan of a batch',
      (place: Place, isBroken: (batch: IngestBatch) => boolean) => ({
        commit: (batch: IngestBatch) =>
          place.store.commit({
            ...batch,
            plan: (versions, readJournals) =>
              isBroken(batch) ? mistake() : batch.plan(versions, readJournals),
          }),
      }),
    ],
    [
      'in the store, at a commit',
      (place: Place, isBroken: (batch: IngestBatch) => boolean) => ({
        commit: async (batch: IngestBatch) => (isBroken(batch) ? mistake() : place.store.commit(batch)),
      }),
    ],
  ])('a defect %s stops that partition alone, is logged once, and loses nothing', async (_, broken) => {
    const place = await twoPartitions();
    let isMended = false;
    const isBroken = ({ moves }: IngestBatch) =>
      !isMended && moves.some(({ topic, partition }) => `${topic}/${partition}` === BROKEN);
    const store = wrap(place.store, broken(place, isBroken));
    const instance = await place.start({ store, batchEvents: 30, lanes: 1 });
    const { ingest, defects } = instance;
    await vi.waitFor(async () => expect(await committed(place, WELL)).toBeGreaterThan(0), WAITING);
    const wellEnd = ENTRIES.length - (await endOf(place, BROKEN));
    await vi.waitFor(async () => expect(await committed(place, WELL)).toBe(wellEnd), WAITING);
    expect(await committed(place, BROKEN)).toBe(0);

    await vi.waitFor(() => expect(defects.status().count).toBeGreaterThan(2), WAITING);
    expect(ingest.health()).toEqual({
      ok: false,
      reason: expect.stringMatching(/^stock_movements\/0: a defect of Tributary: TypeError: Cannot read/),
    });
    // A line for the lane of both, and one for the partition; nothing is said of an outage.
    expect(linesOf(instance, 'defect of Tributary')).toHaveLength(2);
    expect(linesOf(instance, 'Ingest paused')).toEqual([]);

    isMended = true;
    await place.settles(ENTRIES);
    await vi.waitFor(() => expect(ingest.health()).toEqual({ ok: true }), WAITING);
    expect(ingest.status().duplicates).toBe(0);
  });

  it('a defect at the acquiring of one partition leaves the others acquired, and that one is acquired later', async () => {
    const place = await twoPartitions();
    let isMended = false;
    const store = wrap(place.store, {
      acquire: async (partitions: readonly AcquireRequest[]) =>
        !isMended && partitions.some(({ topic, partition }) => `${topic}/${partition}` === BROKEN)
          ? mistake()
          : place.store.acquire(partitions),
    });
    const instance = await place.start({ store });
    await vi.waitFor(async () => expect(await committed(place, WELL)).toBeGreaterThan(0), WAITING);
    await vi.waitFor(() => expect(instance.defects.status().count).toBeGreaterThan(2), WAITING);
    expect(linesOf(instance, 'defect of Tributary')).toHaveLength(1);
    expect(linesOf(instance, 'Could not acquire')).toEqual([]);
    isMended = true;
    await place.settles(ENTRIES);
  });

  it('a defect at the beginning of reading lets the partitions be acquired again', async () => {
    const place = await twoPartitions();
    let failures = 3;
    const log = wrap(place.log, {
      consumer(options) {
        const consumer = place.log.consumer(options);
        const follow = consumer.follow.bind(consumer);
        consumer.follow = (offsets) => (failures-- > 0 ? mistake() : follow(offsets));
        return consumer;
      },
    });
    const { defects } = await place.start({ log });
    await place.settles(ENTRIES);
    expect(defects.status().count).toBeGreaterThan(0);
  });

  it('a defect in the watch of the checkpoints lets the watch go on, and is not called an outage', async () => {
    const place = await twoPartitions();
    let looks = 0;
    const store = wrap(place.store, {
      checkpoints: async () => (++looks < 4 ? mistake() : place.store.checkpoints()),
    });
    const instance = await place.start({ store });
    await place.settles(ENTRIES);
    await vi.waitFor(() => expect(looks).toBeGreaterThan(4), WAITING);
    expect(instance.defects.status().count).toBe(3);
    expect(linesOf(instance, 'Could not read the checkpoints')).toEqual([]);
    expect(linesOf(instance, 'defect of Tributary in the watch of the checkpoints')).toHaveLength(1);
  });

  it('a defect in the look for replaced tables lets the partitions rest, and they are acquired later', async () => {
    const place = await twoPartitions();
    let looks = 0;
    const store = wrap(place.store, { incarnation: async () => (++looks < 2 ? mistake() : 'the same') });
    const { defects } = await place.start({ store });
    await place.settles(ENTRIES);
    expect(defects.status().count).toBeGreaterThan(0);
  });

  it('a defect in the fold of one long entity parks that entity, and all others go on', async () => {
    const place = await Place.make({ movements: 1, counts: 1 });
    const entries = ['bolt', 'nut', 'gear'].flatMap((articleId) => movements(articleId, 30));
    await place.append(entries.map((entry) => recordOf(entry)));
    const longJournals = wrap<LongJournals>(place.store.longJournals, {
      rungBefore: async (entityId, before) =>
        entityId === 'nut' ? mistake() : place.store.longJournals.rungBefore(entityId, before),
    });
    const store = wrap(place.store, { longJournals });
    const longLimits = { longEvents: 6, intervalEvents: 2 };
    const instance = await place.start({ store, longLimits, batchEvents: 10, cacheEvents: 0 });
    const { defects, ingest } = instance;
    await vi.waitFor(async () => expect((await place.store.counts()).journaledEvents).toBe(90), WAITING);
    const rows = await place.store.readView(['bolt', 'nut', 'gear']);
    expect([...rows.values()].map(({ version }) => version)).toEqual([30, 30, 30]);
    expect(
      (await place.store.listParked({ after: null, limit: 10 })).map(({ entityId }) => entityId),
    ).toEqual(['nut']);
    expect(defects.status().count).toBeGreaterThan(0);
    expect(ingest.health()).toEqual({ ok: true });
    expect(linesOf(instance, '"nut" cannot be folded. A defect of Tributary: TypeError')).toHaveLength(1);
  });

  it('an outage lets ingest wait, and counts as no defect', async () => {
    const place = await twoPartitions();
    let failures = 5;
    const store = wrap(place.store, {
      async commit(batch: IngestBatch) {
        if (failures-- > 0) throw new TributaryError('store_unreachable', 'The database does not answer.');
        return place.store.commit(batch);
      },
    });
    const { defects } = await place.start({ store });
    await place.settles(ENTRIES);
    expect(defects.status()).toEqual({ count: 0, latest: [] });
  });
});

/** Where the partition ends in the log. */
async function endOf(place: Place, name: string): Promise<number> {
  const [topic = '', partition] = name.split('/');
  const [described] = await place.log.describe([topic]);
  return Number(described?.partitions.find((range) => range.partition === Number(partition))?.endOffset);
}
