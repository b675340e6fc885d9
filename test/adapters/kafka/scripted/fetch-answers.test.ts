import { describe, expect, it, vi } from 'vitest';
import { Code } from './codes.ts';
import { possibleErrors, withoutThose } from './possible-errors.ts';
import { inWorld, values, type World } from './world.ts';

vi.setConfig({ maxConcurrency: 8, testTimeout: 90_000 });

/** The number of fetches of this partition so far. */
function fetchesOf({ script }: World, partition: number): number {
  return script
    .requests('Fetch')
    .filter(({ topics }) =>
      topics.some(({ partitions }) => partitions.some((each) => each.partition === partition)),
    ).length;
}

/** No fetch asks for an earlier offset than the one before, and none forgets the epoch of what was read. */
function expectSteadyFetches({ script, topic, cluster }: World): void {
  const last = new Map<number, bigint>();
  const topicId = cluster.topics.get(topic)?.topicId;
  for (const { topics } of script.requests('Fetch')) {
    for (const each of topics
      .filter((asked) => asked.topicId === topicId)
      .flatMap(({ partitions }) => partitions)) {
      expect(each.fetchOffset).toBeGreaterThanOrEqual(last.get(each.partition) ?? 0n);
      last.set(each.partition, each.fetchOffset);
      if (each.fetchOffset > 0n) expect(each.lastFetchedEpoch).toBeGreaterThanOrEqual(0);
    }
  }
}

describe('a fetch that is answered with an error for one partition', () => {
  const special = ['OFFSET_OUT_OF_RANGE', 'CORRUPT_MESSAGE'] as const;
  const passing = withoutThose(possibleErrors.Fetch.partition, special);

  it.concurrent.each(passing)('%s holds up one partition alone, which goes on where it was', (name, code) =>
    inWorld({}, async (world) => {
      const { cluster, script } = world;
      const [first, second] = [world.place(0), world.place(1)];
      for (const place of world.places) cluster.write(place, values(0, 3));
      const reader = await world.onlyReader();
      await world.allRead();
      const rule = script.add({
        api: 'Fetch',
        on: first,
        times: Number.POSITIVE_INFINITY,
        does: { kind: 'error', at: 'partition', code },
      });
      await world.until(() => rule.hits >= 1, 'the first refusal');
      for (const place of world.places) cluster.write(place, values(3, 3));
      await world.until(() => rule.hits >= 6, 'the sixth refusal');
      await world.allRead([second]);
      expect(world.journal(first)).toEqual(values(0, 3));
      expect([...reader.reasons]).toEqual([
        expect.stringContaining(`orders/0 can't be read: Kafka answered`),
      ]);
      expect([...reader.reasons][0], name).toContain(`(${code})`);
      rule.end();
      await world.allRead();
      await world.until(() => reader.consumer.health().ok, 'all is well again');
      expect(reader.faults).toEqual([]);
      expect(new Set(reader.kinds)).toEqual(new Set(['assigned']));
      expectSteadyFetches(world);
    }),
  );

  it.concurrent.each(withoutThose(possibleErrors.Fetch.partition))(
    '%s in every other answer halts nothing',
    (_, code) =>
      inWorld({}, async (world) => {
        const { cluster, script } = world;
        const first = world.place(0);
        const reader = await world.onlyReader();
        for (let round = 0; round < 7; round++) {
          cluster.write(first, values(round, 1));
          await world.allRead();
          const rule = script.add({
            api: 'Fetch',
            on: first,
            does: { kind: 'error', at: 'partition', code },
          });
          await world.until(() => rule.hits === 1, 'the refusal');
          const refusedAtMs = world.clock.monotonicMs();
          const asked = fetchesOf(world, 0);
          await world.until(() => fetchesOf(world, 0) > asked, 'the next fetch');
          // Each refusal is the first one in a row, so the next fetch follows soon.
          expect(world.clock.monotonicMs() - refusedAtMs).toBeLessThan(200);
        }
        cluster.write(first, values(7, 1));
        await world.allRead();
        expect(reader.faults).toEqual([]);
        expectSteadyFetches(world);
      }),
  );
});

describe('a fetch that is answered with an error as a whole', () => {
  it.concurrent.each(withoutThose(possibleErrors.Fetch.top))(
    '%s holds up the partitions of one broker, which go on where they were',
    (_, code) =>
      inWorld({}, async (world) => {
        const { cluster, script } = world;
        for (const place of world.places) cluster.write(place, values(0, 3));
        const reader = await world.onlyReader();
        await world.allRead();
        const rule = script.add({
          api: 'Fetch',
          nodeId: 1,
          times: 5,
          does: { kind: 'error', at: 'top', code },
        });
        await world.until(() => rule.hits >= 1, 'the first refusal');
        for (const place of world.places) cluster.write(place, values(3, 3));
        await world.allRead();
        expect(rule.hits).toBe(5);
        const reasons = [...reader.reasons];
        expect(reasons).toEqual([
          expect.stringMatching(new RegExp(`orders/0 can't be read: .*\\(${code}\\)`)),
        ]);
        await world.until(() => reader.consumer.health().ok, 'all is well again');
        expect(reader.faults).toEqual([]);
        expectSteadyFetches(world);
      }),
  );
});

describe('a fetch of an offset out of range', () => {
  const refusal = { kind: 'error', at: 'partition', code: Code.OFFSET_OUT_OF_RANGE } as const;

  it.concurrent('halts a partition whose oldest records are gone, and names what is missing', () =>
    inWorld({}, async (world) => {
      const { cluster } = world;
      const first = world.place(0);
      cluster.write(first, values(0, 3));
      for (let value = 3; value < 9; value++) cluster.write(first, [`${value}`]);
      cluster.log(first).deleteBefore(6n);
      const reader = await world.onlyReader({ startAt: ({ partition }) => (partition === 0 ? 4n : 0n) });
      await world.until(() => reader.faults.length > 0, 'a fault');
      expect(reader.faults).toMatchObject([
        {
          ...first,
          kind: 'offset_out_of_range',
          offset: 4n,
          detail: expect.stringContaining('the offsets 4 to 5 are missing'),
        },
      ]);
      expect(reader.consumer.health()).toEqual({ ok: false, reason: reader.faults[0]?.detail });
      expect(world.journal(first)).toEqual([]);
      cluster.write(world.place(1), values(0, 2));
      await world.allRead([world.place(1)]);
      reader.follow(first, 6n);
      await world.until(() => reader.consumer.health().ok, 'all is well after the decision');
    }));

  it.concurrent('halts a partition whose log ends before the offset', () =>
    inWorld({}, async (world) => {
      world.cluster.write(world.place(0), values(0, 3));
      const reader = await world.onlyReader({ startAt: ({ partition }) => (partition === 0 ? 4n : 0n) });
      await world.until(() => reader.faults.length > 0, 'a fault');
      expect(reader.faults).toMatchObject([{ kind: 'offset_out_of_range', offset: 4n }]);
    }));

  it.concurrent('halts a partition only once its range is known', () =>
    inWorld({}, async (world) => {
      const { cluster, script } = world;
      cluster.write(world.place(0), values(0, 3));
      const reader = await world.onlyReader({ startAt: ({ partition }) => (partition === 0 ? 4n : 0n) });
      const code = Code.OFFSET_NOT_AVAILABLE;
      const rule = script.add({
        api: 'ListOffsets',
        times: Number.POSITIVE_INFINITY,
        does: { kind: 'error', at: 'partition', code },
      });
      reader.follow(world.place(0), 5n);
      await world.until(() => rule.hits >= 4, 'several looks for the range');
      expect(reader.faults.filter(({ offset }) => offset === 5n)).toEqual([]);
      expect(reader.consumer.health()).toMatchObject({ ok: false });
      rule.end();
      await world.until(() => reader.faults.some(({ offset }) => offset === 5n), 'a fault');
    }));

  it.concurrent('halts a partition at the fifth refusal in a row of an offset in its range, not at the fourth', () =>
    inWorld({}, async (world) => {
      const { cluster, script } = world;
      const first = world.place(0);
      cluster.write(first, values(0, 3));
      const reader = await world.onlyReader();
      await world.allRead();
      const four = script.add({ api: 'Fetch', on: first, times: 4, does: refusal });
      await world.until(() => four.hits === 4, 'four refusals');
      cluster.write(first, values(3, 1));
      await world.allRead();
      await world.until(() => reader.consumer.health().ok, 'all is well again');
      expect(reader.faults).toEqual([]);
      script.add({ api: 'Fetch', on: first, times: 5, does: refusal });
      await world.until(() => reader.faults.length > 0, 'a fault');
      expect(reader.faults).toMatchObject([{ ...first, kind: 'log_diverged', offset: 4n }]);
      expectSteadyFetches(world);
    }));

  it.concurrent('halts no partition for an offset in its range where the epoch of what was read is not known', () =>
    inWorld({}, async (world) => {
      const { cluster, script } = world;
      const first = world.place(0);
      const rule = script.add({ api: 'Fetch', on: first, times: 7, does: refusal });
      const reader = await world.onlyReader();
      await world.until(() => rule.hits === 7, 'seven refusals');
      cluster.write(first, values(0, 2));
      await world.allRead();
      expect(reader.faults).toEqual([]);
    }));
});

describe('a fetch of a corrupt record batch', () => {
  const refusal = { kind: 'error', at: 'partition', code: Code.CORRUPT_MESSAGE } as const;

  it.concurrent('halts a partition where the broker answers CORRUPT_MESSAGE twice for one offset', () =>
    inWorld({}, async (world) => {
      const { cluster, script } = world;
      const first = world.place(0);
      cluster.write(first, values(0, 3));
      const reader = await world.onlyReader();
      await world.allRead();
      const rule = script.add({ api: 'Fetch', on: first, times: Number.POSITIVE_INFINITY, does: refusal });
      await world.until(() => reader.faults.length > 0, 'a fault');
      expect(rule.hits).toBe(2);
      expect(reader.faults).toMatchObject([{ ...first, kind: 'corrupt_batch', offset: 3n }]);
      expect(reader.consumer.health()).toMatchObject({ ok: false });
      rule.end();
      cluster.write(first, values(3, 2));
      cluster.write(world.place(1), values(0, 2));
      await world.allRead([world.place(1)]);
      expect(world.journal(first)).toEqual(values(0, 3));
      reader.follow(first, 3n, 0);
      await world.allRead();
    }));

  it.concurrent('halts a partition at damaged bytes, once what was before them is read', () =>
    inWorld({}, async (world) => {
      const { cluster } = world;
      const first = world.place(0);
      for (const value of values(0, 4)) cluster.write(first, [value]);
      cluster.log(first).damage(2n);
      const reader = await world.onlyReader();
      await world.until(() => reader.faults.length > 0, 'a fault');
      expect(reader.faults).toMatchObject([{ ...first, kind: 'corrupt_batch', offset: 2n }]);
      expect(world.journal(first)).toEqual(values(0, 2));
    }));

  it.concurrent('halts no partition where bytes were damaged on their way once', () =>
    inWorld({}, async (world) => {
      const { cluster, script } = world;
      const first = world.place(0);
      for (const value of values(0, 4)) cluster.write(first, [value]);
      script.add({
        api: 'Fetch',
        on: first,
        does: {
          kind: 'change',
          change: ({ topics }) => {
            for (const each of topics.flatMap(({ partitions }) => partitions)) {
              const bytes = Buffer.from(each.records ?? []);
              if (each.partition !== 0 || bytes.length === 0) continue;
              bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
              each.records = bytes;
            }
          },
        },
      });
      const reader = await world.onlyReader();
      await world.allRead();
      expect(reader.faults).toEqual([]);
    }));
});
